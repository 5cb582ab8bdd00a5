package browsertest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/chromium"
)

// A page with all faults has all of them in its audit.
func TestAuditSeesFaults(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<!DOCTYPE html><html><title> </title><h1>one</h1><h1> </h1><h3>three</h3><b id=x></b><b id=x></b>
			<nav></nav><nav></nav><input style="border:1px solid #ddd"><a href=x></a><img src=data:,><svg></svg><iframe></iframe><table><tr><td>x</table>
			<p style="color:#888">pale</p><div style="background:#777"><p style="color:rgba(255,255,255,.9)">pale on gray</p></div>
			<b tabindex=2>x</b><div style="width:5000px">wide</div>`))
	}))
	t.Cleanup(server.Close)
	tab := chromium.Start(t, chromium.NewCanary(t)).Open(t)
	tab.Screen(t, 360, 640, false)
	if err := tab.Go(t, server.URL); err != nil {
		t.Fatal(err)
	}
	var faults []string
	tab.Eval(t, audit, &faults)
	all := strings.Join(faults, "\n")
	for _, want := range []string{
		"no language", "no title", "0 elements main", "2 elements h1", "level 3 after level 1", "an empty heading", "id x is there twice",
		"no label: <input", "link or button has no name", "no alternative text", "neither named nor hidden", "a frame has no title", "elements nav has no label",
		"no headers", "order of Tab", `contrast of 3.54, and 4.5 is needed: <p> "pale"`, `"pale on gray"`, "border has a contrast", "pixels wide",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the audit lacks %q:\n%s", want, all)
		}
	}
}
