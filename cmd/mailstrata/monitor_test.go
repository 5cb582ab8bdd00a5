package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailstrata/mailstrata/internal/cli"
)

// pingMonitor is a monitor in the form of healthchecks.io.
type pingMonitor struct {
	*httptest.Server
	mu   sync.Mutex
	code int // the answer to all
	got  strings.Builder
}

// monitor runs monitors that wait for pings.
//
//	monitor start NAME [CODE]   sets NAME to the URL to ping; CODE is the status of all answers, by default 200
//	monitor got NAME FILE       writes the pings since the last time to a file: a path a line, and the bodies
func monitor(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	if neg || len(args) < 2 {
		ts.Fatalf("usage: monitor start|got NAME …")
	}
	if args[0] == "got" {
		m := w.monitors[args[1]]
		m.mu.Lock()
		defer m.mu.Unlock()
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(m.got.String()), 0o600))
		m.got.Reset()
		return
	}
	code := http.StatusOK
	if len(args) > 2 {
		code = http.StatusGone
	}
	m := startMonitor(code)
	w.monitors[args[1]] = m
	ts.Setenv(args[1], m.URL+"/secret-of-monitor")
}

func startMonitor(code int) *pingMonitor {
	m := &pingMonitor{code: code}
	m.Server = httptest.NewServer(m)
	return m
}

func (m *pingMonitor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	m.got.WriteString(r.Method + " " + r.URL.Path + "\n" + string(body))
	w.WriteHeader(m.code)
}

// In the journal each line begins with its priority. Elsewhere, and if standard error is
// redirected, lines have none.
func TestJournal(t *testing.T) {
	for _, test := range []struct {
		name   string
		stream func(f *os.File) string
		want   string
	}{
		{"the journal", streamOf, "<3>mailstrata: no command given\n<6>hint: "},
		{"led away", func(*os.File) string { return "1:2" }, "mailstrata: no command given\nhint: "},
		{"no systemd", func(*os.File) string { return "" }, "mailstrata: no command given\nhint: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			p := cli.Process{Stdout: io.Discard, Stderr: f, Getenv: func(name string) string {
				if name == "JOURNAL_STREAM" {
					return test.stream(f)
				}
				return ""
			}}
			if status := run(t.Context(), p, nil); status != cli.StatusUsage {
				t.Errorf("exit status %d", status)
			}
			if text, _ := os.ReadFile(f.Name()); !strings.HasPrefix(string(text), test.want) {
				t.Errorf("%q", text)
			}
		})
	}
}
