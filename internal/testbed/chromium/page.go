package chromium

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Page is a tab.
type Page struct {
	b       *Browser
	session string
	target  string
	profile string
	loaded  chan struct{}   // gets a value when a document has loaded
	frames  map[string]bool // guarded by Browser.mu

	mu       sync.Mutex
	report   Report
	requests map[string]string // URLs by the IDs of requests, since the last report
}

// Go opens a URL and waits until it has loaded, with its frames. It returns an error if nothing was
// loaded, as for a download.
func (p *Page) Go(t testing.TB, url string) error {
	t.Helper()
	for len(p.loaded) > 0 {
		<-p.loaded
	}
	var result struct{ ErrorText string }
	if err := p.b.call(p.session, "Page.navigate", params{"url": url}, &result); err != nil {
		t.Fatal(err)
	}
	if result.ErrorText != "" {
		return fmt.Errorf("%s", result.ErrorText)
	}
	p.AwaitLoad(t)
	return nil
}

// AwaitLoad waits until a document has loaded.
func (p *Page) AwaitLoad(t testing.TB) {
	t.Helper()
	select {
	case <-p.loaded:
	case <-time.After(callLimit):
		t.Fatal("the page does not load")
	}
}

// Sibling opens another tab with the same cookies.
func (p *Page) Sibling(t testing.TB) *Page {
	t.Helper()
	return p.b.tab(t, p.profile)
}

// Eval evaluates an expression in the page, as its console does, and decodes the value into result.
func (p *Page) Eval(t testing.TB, expression string, result any) {
	t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.b.call(p.session, "Runtime.evaluate",
		params{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if err != nil {
		t.Fatal(err)
	}
	if r.ExceptionDetails != nil {
		t.Fatalf("%s: %s", r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	}
	if result != nil {
		if err := json.Unmarshal(r.Result.Value, result); err != nil {
			t.Fatalf("%s: %v", r.Result.Value, err)
		}
	}
}

// Screen sets the size of the page in pixels of CSS, and whether the reader prefers a dark page.
func (p *Page) Screen(t testing.TB, width, height int, dark bool) {
	t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	for method, v := range map[string]params{
		"Emulation.setDeviceMetricsOverride": {
			"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
		},
		"Emulation.setEmulatedMedia": {"features": []params{{"name": "prefers-color-scheme", "value": scheme}}},
	} {
		if err := p.b.call(p.session, method, v, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// Screenshot returns a picture of the page as PNG, of its whole length.
func (p *Page) Screenshot(t testing.TB) []byte {
	t.Helper()
	var r struct{ Data string }
	if err := p.b.call(p.session, "Page.captureScreenshot", params{"captureBeyondViewport": true}, &r); err != nil {
		t.Fatal(err)
	}
	picture, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}
