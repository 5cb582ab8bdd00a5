package chromium_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed/chromium"
)

// What other tests require to be absent is seen when it is there.
func TestReportSeesWhatPagesDo(t *testing.T) {
	canary := chromium.NewCanary(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/frame":
			w.Write([]byte(`<script>ran('in a frame'); new Image().src = 'http://image.example/'</script>`))
		case "/download":
			w.Header().Set("Content-Disposition", "attachment")
		default:
			w.Write([]byte(`<title>x</title><meta name=viewport content="width=device-width"><iframe src=/frame></iframe><iframe sandbox=allow-scripts src=/frame></iframe>
				<img src=https://tls.example><iframe src=/download></iframe>
				<script>ran('in the page'); alert('dialog'); open('/frame?window')</script>`))
		}
	}))
	t.Cleanup(server.Close)
	b := chromium.Start(t, canary)
	p := b.Open(t)
	if err := p.Go(t, server.URL+"/page"); err != nil {
		t.Fatal(err)
	}
	var report chromium.Report
	deadline := time.Now().Add(2 * time.Minute)
	complete := func() bool {
		more := p.Report()
		report.Ran = append(report.Ran, more.Ran...)
		report.Dialogs = append(report.Dialogs, more.Dialogs...)
		report.Requests = append(report.Requests, more.Requests...)
		report.Visited = append(report.Visited, more.Visited...)
		report.Downloads = append(report.Downloads, more.Downloads...)
		calls := strings.Join(canary.Calls(), "\n")
		return len(report.Ran) >= 3 && strings.Contains(calls, "of image.example") && strings.Contains(calls, "TLS of tls.example") && len(report.Downloads) > 0
	}
	for !complete() {
		if time.Now().After(deadline) {
			t.Fatalf("the report is %+v, and the canary saw %q", report, canary.Calls())
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !slices.Contains(report.Ran, "in the page") || !slices.Contains(report.Ran, "in a frame") || !slices.Equal(report.Dialogs, []string{"dialog"}) {
		t.Errorf("the report is %+v", report)
	}
	if !slices.Contains(report.Requests, server.URL+"/frame") || !slices.Contains(report.Visited, server.URL+"/page") {
		t.Errorf("the report is %+v", report)
	}
	if err := p.Go(t, server.URL+"/download"); err == nil {
		t.Error("a download is shown")
	}
	p.Screen(t, 360, 640, true)
	var dark bool
	if p.Eval(t, "matchMedia('(prefers-color-scheme: dark)').matches && innerWidth == 360", &dark); !dark {
		t.Error("the page does not know that it is narrow and dark")
	}
}
