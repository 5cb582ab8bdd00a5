package page

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/serve/page/gate"
	"github.com/mailstrata/mailstrata/serve/view"
)

//go:embed templates style.css icon.svg
var files embed.FS

// templates returns the templates of the pages by their names. Each contains layout.html. Only
// serve parses them: it takes a millisecond and half a megabyte.
var templates = sync.OnceValue(parseTemplates)

func parseTemplates() map[string]*template.Template {
	functions := template.FuncMap{
		"to": to, "size": ui.Size, "count": ui.Count[int64], "plural": ui.Plural[int64], "safe": ui.Safe, "line": oneLine, "ago": ui.Ago,
		"when": when, "zone": zone, "named": named, "instant": instant, "clock": clock, "day": dayOf,
	}
	all := make(map[string]*template.Template)
	entries, err := files.ReadDir("templates")
	if err != nil {
		panic(err) // the files are a part of the program
	}
	layout := template.Must(template.New("layout.html").Funcs(functions).ParseFS(files, "templates/layout.html"))
	for _, entry := range entries {
		if name := strings.TrimSuffix(entry.Name(), ".html"); name != "layout" {
			all[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, "templates/"+entry.Name()))
		}
	}
	return all
}

// page is what every page has.
type page struct {
	Title   string
	Crumbs  []crumb
	Account string   // for the search; empty: there is none
	Night   string   // for the search; empty: all nights
	Query   string   // that was searched for
	Damage  []string // what cannot be shown, and why
	Wide    bool     // the page is a wide table
	Meta    bool     // the browser goes to the first page by itself
}

// crumb is a page above this one.
type crumb struct{ Name, Address string }

// damaged adds what cannot be shown.
func (p *page) damaged(errs ...error) {
	for _, err := range errs {
		if err != nil {
			p.Damage = append(p.Damage, sentence(err))
		}
	}
}

// show answers with a template.
func (s *Server) show(w http.ResponseWriter, name string, data any) error {
	return s.showStatus(w, http.StatusOK, name, data)
}

func (s *Server) showStatus(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := templates()[name].ExecuteTemplate(&b, "layout.html", data); err != nil {
		return err
	}
	write(w, status, &b)
	return nil
}

// showError answers with a sentence.
func (s *Server) showError(w http.ResponseWriter, status int, text string) {
	if err := s.showStatus(w, status, "notice", noticePage{page: page{Title: http.StatusText(status)}, Text: text}); err != nil {
		s.o.Log("internal error: %v", err)
		http.Error(w, text, status)
	}
}

// noticePage is a page with a sentence, and perhaps the form for logins.
type noticePage struct {
	page
	Text            string
	Login, Continue bool
}

func (s *Server) showNotice(w http.ResponseWriter, status int, n gate.Notice) {
	data := noticePage{page: page{Title: n.Title, Meta: n.Continue}, Text: n.Text, Login: n.Login, Continue: n.Continue}
	if err := s.showStatus(w, status, "notice", data); err != nil {
		s.o.Log("internal error: %v", err)
	}
}

// loginForm shows the form for logins.
func (s *Server) loginForm(w http.ResponseWriter, _ *request) error {
	return s.show(w, "notice", noticePage{page: page{Title: "Log in"}, Login: true})
}

func (s *Server) style(w http.ResponseWriter, _ *request) error {
	return s.file(w, "style.css", "text/css; charset=utf-8")
}

func (s *Server) icon(w http.ResponseWriter, _ *request) error {
	return s.file(w, "icon.svg", "image/svg+xml")
}

func (s *Server) file(w http.ResponseWriter, name, mediaType string) error {
	content, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaType)
	_, err = w.Write(content)
	return err
}

// sentence returns an error as a sentence.
func sentence(err error) string {
	text := strings.TrimSuffix(ui.ShortenHashes(ui.OneLine(err.Error())), ".")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// oneLine returns a text of a message as one line that looks like nothing else.
func oneLine(text string) string {
	return ui.Safe(strings.Join(strings.Fields(text), " "))
}

// when formats a time of a night, or of a message, in the time zone of this host.
func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// clock formats the name of a night.
func clock(t time.Time) string { return t.Local().Format("Mon 2 Jan 2006, 15:04") }

// zone returns the time zone of this host at a time: UTC+01:00.
func zone(t time.Time) string { return "UTC" + t.Local().Format("-07:00") }

// noSubject and noSender stand for what a message does not say.
const (
	noSubject = "(no subject)"
	noSender  = "(no sender)"
)

// named returns a text of a message as one line, or what stands for it if it is empty.
func named(instead, text string) string { return cmp.Or(oneLine(text), instead) }

// dayOf formats the day of a night.
func dayOf(t time.Time) string { return t.Local().Format(time.DateOnly) }

// instant formats a time for programs.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// nightID returns the id of a night, as addresses have it.
func nightID(h *view.History, i int) string {
	return hex.EncodeToString(h.Nights[i].Head.ID[:8])
}

// command returns a command line of mailstrata for the repository of an archive. Its words are
// quoted for a POSIX shell.
func command(a *view.Archive, words ...string) string {
	all := []string{"mailstrata"}
	if a != nil && a.Place != "" {
		all = append(all, "--repo", shellWord(a.Place))
	}
	if a != nil && a.KeyFile != "" {
		all = append(all, "--key-file", shellWord(a.KeyFile))
	}
	for _, word := range words {
		all = append(all, shellWord(word))
	}
	return strings.Join(all, " ")
}

// flag returns the words of a flag and its value. A value with a dash would be taken for a flag.
func flag(name, value string) []string {
	if strings.HasPrefix(value, "-") {
		return []string{name + "=" + value}
	}
	return []string{name, value}
}

// shellWord quotes a word for a POSIX shell.
func shellWord(text string) string {
	if text == "" {
		return "''"
	}
	return ui.ShellWord(text)
}

// pager is the links to the other pages of a list.
type pager struct {
	Page, Last  int
	First, End  int // of the rows that are shown, from 0
	Total       int
	Next, Prior string // addresses; empty: there is none
	Open        bool   // Last is not known: more pages follow
}

// newPager returns the rows of a page, and its neighbors.
func newPager(total, size, page int, address func(page string) string) pager {
	p := pager{Total: total, Last: max((total+size-1)/size, 1)}
	p.Page = min(page, p.Last)
	p.First, p.End = (p.Page-1)*size, min(p.Page*size, total)
	if p.Page > 1 {
		p.Prior = address(fmt.Sprint(p.Page - 1))
	}
	if p.Page < p.Last {
		p.Next = address(fmt.Sprint(p.Page + 1))
	}
	return p
}

// Page64 and Last64 are the numbers as templates format them.
func (p pager) Page64() int64 { return int64(p.Page) }
func (p pager) Last64() int64 { return int64(p.Last) }
