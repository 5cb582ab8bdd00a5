package chromium

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// Browser is a running Chromium.
type Browser struct {
	*devtools

	mu    sync.Mutex
	pages map[string]*Page         // by session: tabs, and the frames and workers in them
	tabs  map[string]chan attached // by target: tabs that Open waits for
}

// attached is a tab to which the protocol has been attached.
type attached struct{ session string }

// quiet are the switches that keep Chromium from asking its makers for anything.
var quiet = []string{
	"--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
	"--disable-component-update", "--disable-default-apps", "--disable-sync", "--disable-extensions", "--disable-breakpad",
	"--disable-domain-reliability", "--disable-client-side-phishing-detection", "--metrics-recording-only", "--disable-gpu",
	"--disable-dev-shm-usage", "--disable-features=BackForwardCache,IsolateSandboxedIframes,OptimizationHints,MediaRouter,Translate,AutofillServerCommunication,CertificateTransparencyComponentUpdater",
	"--no-proxy-server", "--password-store=basic", "--use-mock-keychain", "--ignore-certificate-errors", "--force-color-profile=srgb",
	"--hide-scrollbars", "--disable-site-isolation-trials", "--lang=en-US", "--mute-audio",
}

// Start starts Chromium with a new profile. All hosts but 127.0.0.1 are the canary. It ends with
// the test.
func Start(t testing.TB, canary *Canary) *Browser {
	t.Helper()
	path := need.Program(t, "chromium", "apt-get install chromium, or testbed/packages")
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		"--user-data-dir=" + profile,
		fmt.Sprintf("--host-resolver-rules=MAP * %s, EXCLUDE 127.0.0.1", canary.Address()),
	}, quiet...)
	if os.Getuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium's own, which root cannot have
	}
	cmd := exec.Command(path, append(args, "about:blank")...)
	cmd.Env = append(os.Environ(), "HOME="+profile, "XDG_CONFIG_HOME="+profile, "XDG_CACHE_HOME="+profile)
	b := &Browser{pages: map[string]*Page{}, tabs: map[string]chan attached{}}
	b.run(t, cmd, profile)
	if err := b.call("", "Target.setAutoAttach", autoAttach, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

var autoAttach = params{"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true}

// run starts the process, and has it end with the test.
func (b *Browser) run(t testing.TB, cmd *exec.Cmd, profile string) {
	t.Helper()
	commandsIn, commands, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	events, eventsOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(profile, "chromium.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{commandsIn, eventsOut} // 3 and 4, as --remote-debugging-pipe has them
	cmd.Stdout, cmd.Stderr = log, log
	separate(cmd)
	b.devtools = newDevtools(commands, b.event)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the kernel sends the signal of separate when this thread ends
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		commandsIn.Close()
		eventsOut.Close()
		log.Close()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	read := make(chan struct{})
	go func() {
		b.read(events)
		close(read)
	}()
	t.Cleanup(func() {
		commands.Close()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		killAll(cmd) // its children outlive it for a moment, and write to the profile
		<-ended
		events.Close()
		<-read
		_ = os.RemoveAll(profile)
	})
}

// Open opens a tab that shares nothing with the others: neither cookies nor cache.
func (b *Browser) Open(t testing.TB) *Page {
	t.Helper()
	var profile struct {
		ID string `json:"browserContextId"`
	}
	if err := b.call("", "Target.createBrowserContext", nil, &profile); err != nil {
		t.Fatal(err)
	}
	return b.tab(t, profile.ID)
}

// tab opens a tab of a profile, in a window of its own: tabs in the background show no animations.
func (b *Browser) tab(t testing.TB, profile string) *Page {
	t.Helper()
	var target struct {
		ID string `json:"targetId"`
	}
	if err := b.call("", "Target.createTarget", params{"url": "about:blank", "browserContextId": profile, "newWindow": true}, &target); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-b.awaitTab(target.ID):
		p := b.page(a.session)
		p.profile, p.target = profile, target.ID
		for _, command := range []struct {
			method string
			params params
		}{
			{
				"Browser.setDownloadBehavior",
				params{"behavior": "deny", "browserContextId": profile, "eventsEnabled": true},
			},
			{"Page.setLifecycleEventsEnabled", params{"enabled": true}},
		} {
			if err := b.call(a.session, command.method, command.params, nil); err != nil {
				t.Fatal(err)
			}
		}
		return p
	case <-time.After(callLimit):
		t.Fatal("Chromium opens no tab")
		return nil
	}
}

// awaitTab returns where the session of a tab will be.
func (b *Browser) awaitTab(target string) chan attached {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tabs[target] == nil {
		b.tabs[target] = make(chan attached, 1)
	}
	return b.tabs[target]
}

// page returns the page of a session.
func (b *Browser) page(session string) *Page {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pages[session]
}
