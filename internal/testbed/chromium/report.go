package chromium

import (
	"slices"
	"strings"
)

// Ran is the function that a script calls in a page to show that it runs. Its argument is a string.
const Ran = "ran"

// Report is what a page did, with its frames and workers, and the windows that it opened.
type Report struct {
	Ran       []string // the arguments of calls of Ran
	Dialogs   []string // the texts of dialogs. They are dismissed
	Requests  []string // the URLs that were asked for, but for data:
	Blocked   []string // the URLs that were not asked for, because a policy forbids it
	Windows   []string // the URLs of windows that were opened
	Visited   []string // the URLs that the tab itself showed
	Downloads []string // the URLs of downloads. They are refused
	Problems  []string // errors of scripts, and resources that a policy blocked
}

// event reads an event of any session.
func (b *Browser) event(e event) {
	switch e.Method {
	case "Target.attachedToTarget":
		b.attach(e)
		return
	case "Browser.downloadWillBegin":
		var p struct{ URL, FrameID string }
		e.decode(&p)
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, page := range b.pages {
			if page.session == e.Session || e.Session == "" && page.frames[p.FrameID] {
				page.add(func(r *Report) { r.Downloads = append(r.Downloads, p.URL) })
				return
			}
		}
		return
	}
	if page := b.page(e.Session); page != nil {
		page.event(e)
	}
}

// attach prepares a new session: a tab of Open, a window that a page opened, a frame or a worker.
// It waits until then.
func (b *Browser) attach(e event) {
	var p struct {
		SessionID  string
		TargetInfo struct{ TargetID, Type, URL, OpenerID string }
	}
	e.decode(&p)
	page := b.page(e.Session)
	if e.Session == "" {
		page = b.opener(p.TargetInfo.OpenerID)
		if page != nil {
			page.add(func(r *Report) { r.Windows = append(r.Windows, p.TargetInfo.URL) })
		}
	}
	if page == nil {
		page = &Page{
			b: b, session: p.SessionID, loaded: make(chan struct{}, 16), frames: map[string]bool{},
			requests: map[string]string{},
		}
	}
	b.mu.Lock()
	b.pages[p.SessionID] = page
	b.mu.Unlock()
	b.send(p.SessionID, "Target.setAutoAttach", autoAttach)
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.send(p.SessionID, domain+".enable", nil)
	}
	b.send(p.SessionID, "Runtime.addBinding", params{"name": Ran})
	b.send(p.SessionID, "Runtime.runIfWaitingForDebugger", nil)
	if page.session == p.SessionID {
		b.awaitTab(p.TargetInfo.TargetID) <- attached{p.SessionID}
	}
}

// opener returns the page that opened a window.
func (b *Browser) opener(target string) *Page {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, page := range b.pages {
		if target != "" && page.target == target {
			return page
		}
	}
	return nil
}

// event reads an event of the page.
func (p *Page) event(e event) {
	switch e.Method {
	case "Page.loadEventFired":
		if e.Session == p.session {
			select {
			case p.loaded <- struct{}{}:
			default:
			}
		}
	case "Page.frameAttached":
		var v struct{ FrameID string }
		e.decode(&v)
		p.b.mu.Lock()
		p.frames[v.FrameID] = true
		p.b.mu.Unlock()
	case "Page.frameNavigated":
		var v struct {
			Frame struct{ ID, ParentID, URL string }
		}
		e.decode(&v)
		p.b.mu.Lock()
		p.frames[v.Frame.ID] = true
		p.b.mu.Unlock()
		if v.Frame.ParentID == "" && e.Session == p.session {
			p.add(func(r *Report) { r.Visited = append(r.Visited, v.Frame.URL) })
		}
	case "Page.javascriptDialogOpening":
		var v struct{ Message string }
		e.decode(&v)
		p.b.send(e.Session, "Page.handleJavaScriptDialog", params{"accept": false})
		p.add(func(r *Report) { r.Dialogs = append(r.Dialogs, v.Message) })
	case "Runtime.bindingCalled":
		var v struct{ Payload string }
		e.decode(&v)
		p.add(func(r *Report) { r.Ran = append(r.Ran, v.Payload) })
	case "Network.requestWillBeSent":
		var v struct {
			RequestID string
			Request   struct{ URL string }
		}
		e.decode(&v)
		if !strings.HasPrefix(v.Request.URL, "data:") {
			p.add(func(r *Report) {
				r.Requests = append(r.Requests, v.Request.URL)
				p.requests[v.RequestID] = v.Request.URL
			})
		}
	case "Network.loadingFailed":
		var v struct{ RequestID, BlockedReason string }
		e.decode(&v)
		if v.BlockedReason != "" {
			p.add(func(r *Report) { r.block(p.requests[v.RequestID]) })
		}
	case "Log.entryAdded":
		var v struct{ Entry struct{ Text string } }
		e.decode(&v)
		p.add(func(r *Report) { r.Problems = append(r.Problems, v.Entry.Text) })
	}
}

// block moves a request to those that were blocked.
func (r *Report) block(url string) {
	if i := slices.Index(r.Requests, url); i >= 0 {
		r.Requests = slices.Delete(r.Requests, i, i+1)
	}
	r.Blocked = append(r.Blocked, url)
}

// add changes the report.
func (p *Page) add(change func(*Report)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.report)
}

// Report returns what the page did since the last call.
func (p *Page) Report() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.report
	p.report = Report{}
	clear(p.requests)
	return r
}
