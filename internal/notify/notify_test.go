package notify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// monitor is a monitor with configurable answers and no network, so that time can be a test's.
type monitor struct {
	answers []int // in order; 0: the connection is lost; -1: silence; then 200
	got     []string
	bodies  []string
}

func (m *monitor) RoundTrip(r *http.Request) (*http.Response, error) {
	m.got = append(m.got, r.Method+" "+r.URL.RequestURI())
	body, _ := io.ReadAll(r.Body)
	m.bodies = append(m.bodies, string(body))
	code := http.StatusOK
	if len(m.answers) > 0 {
		code, m.answers = m.answers[0], m.answers[1:]
	}
	switch code {
	case 0:
		return nil, errors.New("connection reset by peer")
	case -1:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20))), Header: http.Header{}, Request: r}, nil
}

// A monitor gets the exit status, as far as it takes one, again after trouble that passes, and
// within the time.
func TestPing(t *testing.T) {
	for _, test := range []struct {
		name    string
		status  int
		answers []int
		want    string // what the monitor got after the start
		fails   bool
		within  time.Duration
	}{
		{"success", 0, nil, "POST /secret-id?a=b", false, 0},
		{"failure", 1, nil, "POST /secret-id/1?a=b", false, 0},
		{"some messages not", 3, nil, "POST /secret-id/3?a=b", false, 0},
		{"interrupted", 130, nil, "POST /secret-id/130?a=b", false, 0},
		{"no statuses", 4, []int{404}, "POST /secret-id/4?a=b, POST /secret-id/fail?a=b", false, 0},
		{"trouble that passes", 0, []int{0, 503}, "POST /secret-id?a=b, POST /secret-id?a=b, POST /secret-id?a=b", false, 3 * time.Second},
		{"trouble that stays", 0, []int{0, 0, 0}, "POST /secret-id?a=b, POST /secret-id?a=b, POST /secret-id?a=b", true, 3 * time.Second},
		{"silence", 1, []int{-1, -1, -1}, "POST /secret-id/1?a=b, POST /secret-id/1?a=b, POST /secret-id/1?a=b", true, 18 * time.Second},
		{"gone", 0, []int{410}, "POST /secret-id?a=b", true, 0},
		{"moved", 0, []int{301}, "POST /secret-id?a=b", true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &monitor{}
				p, err := NewPinger("https://monitor.example/secret-id?a=b#c\n", m)
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Start(t.Context()); err != nil || m.got[0] != "POST /secret-id/start?a=b" {
					t.Fatalf("the start: %v, %v", err, m.got)
				}
				m.answers = test.answers
				begun := time.Now()
				err = p.End(t.Context(), test.status, "the log")
				if got := strings.Join(m.got[1:], ", "); got != test.want || (err != nil) != test.fails {
					t.Errorf("%s; %v", got, err)
				}
				if m.bodies[1] != "the log" {
					t.Errorf("the body is %q", m.bodies[1])
				}
				if took := time.Since(begun); took > test.within {
					t.Errorf("it took %s", took)
				}
				if err != nil && (strings.Contains(err.Error(), "secret-id") || !strings.Contains(err.Error(), "monitor.example")) {
					t.Errorf("it says: %v", err)
				}
			})
		})
	}
	for _, address := range []string{"", "secret-id", "ftp://monitor.example/secret-id", "https://monitor.example:secret-id/", "https:///secret-id"} {
		if _, err := NewPinger(address, nil); err == nil || strings.Contains(err.Error(), "secret-id") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func aRun(status int) *Run {
	end := time.Unix(1_800_000_000, 0)
	return &Run{Command: "backup", Host: "nas", Start: end.Add(-90 * time.Second), End: end, Status: status, Outcome: "failed",
		Accounts: []Account{
			{Name: "anna", Messages: 1234, Bytes: 5_000_000, NewMessages: 7, NewBytes: 8000, End: end.Add(-30 * time.Second), Duration: 60 * time.Second},
			{Name: "jo \"\\\n", Err: "login refused", Status: 1},
		}, Log: "a line\n"}
}

// The file is what the text format says, readable by the collector, and whole at any moment; a bad
// night does not make the last good one forgotten.
func TestMetrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mailstrata.prom")
	write := func(r *Run) string {
		t.Helper()
		if err := WriteMetrics(path, r); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good := aRun(0)
	text := write(good)
	for _, line := range []string{
		`# TYPE mailstrata_last_run_exit_status gauge`,
		`mailstrata_last_run_exit_status{command="backup"} 0`,
		`mailstrata_last_run_duration_seconds{command="backup"} 90`,
		`mailstrata_last_success_timestamp_seconds{command="backup"} 1800000000`,
		`mailstrata_account_last_archived_timestamp_seconds{account="anna"} 1799999970`,
		`mailstrata_account_messages{account="anna"} 1234`,
		`mailstrata_account_new_bytes{account="anna"} 8000`,
		`mailstrata_account_status{account="jo \"\\\n"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no line %s in\n%s", line, text)
		}
	}
	if strings.Contains(text, `archived_timestamp_seconds{account="jo`) {
		t.Error("an account that never was archived has a time")
	}
	bad := aRun(1)
	bad.End = bad.End.Add(24 * time.Hour)
	bad.Accounts[0].Err, bad.Accounts[1].Err = "gone", ""
	bad.Accounts[1].Status, bad.Accounts[1].End = 0, bad.End
	for range 3 {
		text = write(bad)
	}
	for _, line := range []string{
		`mailstrata_last_success_timestamp_seconds{command="backup"} 1800000000`,
		`mailstrata_account_last_archived_timestamp_seconds{account="anna"} 1799999970`,
		`mailstrata_account_last_archived_timestamp_seconds{account="jo \"\\\n"} 1800086400`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no line %s in\n%s", line, text)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files are left", len(files))
	}
	if err := WriteMetrics(filepath.Join(path, "below"), good); err == nil {
		t.Error("a place that is no directory is written to")
	}
}

// The command has the summary, knows the status, and gets no secret.
func TestCall(t *testing.T) {
	var out bytes.Buffer
	environ := append(os.Environ(), "MAILSTRATA_PASSWORD=secret-1", "AWS_SECRET_ACCESS_KEY=secret-2", "MAILSTRATA_PING_URL=secret-3")
	err := Call(t.Context(), `cat; echo "$MAILSTRATA_RUN $MAILSTRATA_EXIT_STATUS $MAILSTRATA_SUBJECT"; env`, aRun(1), environ, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{": mailstrata backup on nas (exit status 1)\n", "anna: 1,234 messages, 5.0 MB, 7 new\n",
		": not archived: login refused\n", "\n\na line\n", " was not archived: mailstrata backup on nas\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "secret-") {
		t.Error("the command has a secret")
	}
	if err := Call(t.Context(), "exit 7", aRun(1), environ, &out); err == nil {
		t.Error("a failed command counts as success")
	}
}

// However long a log is, its end is kept, by whole lines, without what only a terminal understands.
func TestTail(t *testing.T) {
	var tail Tail
	tail.Line("\x1b[31mmailstrata:\x1b[0m first")
	if got := tail.String(); got != "mailstrata: first\n" {
		t.Errorf("%q", got)
	}
	for i := range 5000 {
		tail.Line(fmt.Sprintf("line %d", i))
		if got := tail.String(); len(got) > maxTail+10 || !strings.HasSuffix(got, fmt.Sprintf("\nline %d\n", i)) {
			t.Fatalf("after line %d: %d bytes", i, len(got))
		}
	}
	if got := tail.String(); !strings.HasPrefix(got, "…\nline ") {
		t.Errorf("it begins with %.40q", got)
	}
}

// The summary begins with what failed, however many accounts there are.
func TestSummaryBeginsWithWhatFailed(t *testing.T) {
	r := aRun(1)
	r.Accounts = nil
	for i := range 300 {
		r.Accounts = append(r.Accounts, Account{Name: fmt.Sprintf("u%03d", i), Messages: 10, NewMessages: 2})
	}
	r.Accounts[250].Err, r.Accounts[250].Status = "login refused", 1
	r.Accounts[17].Failures, r.Accounts[17].Status = 3, 3
	r.Accounts[99].Alarms, r.Accounts[99].Status = 1, 4
	lines := strings.Split(r.Summary(), "\n")
	for i, want := range []string{"u250 was not archived, and 2 more of 300 accounts: mailstrata backup on nas (exit status 1)", "", "3 of 300 accounts have problems",
		"u250: not archived: login refused", "u099: ", "u017: ", "297 more are fine: 594 new messages", "", "a line"} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d is not %q:\n%s", i+1, want, r.Summary())
		}
	}
	r.Accounts = r.Accounts[:20]
	if text := r.Summary(); strings.Count(text, "\nu0") != 20 || !strings.Contains(text, "1 of 20 accounts have problems") {
		t.Errorf("of 20 accounts not all are listed:\n%s", text)
	}
}

// The subject begins with what failed, in a few words.
func TestSubject(t *testing.T) {
	fine, shrank := Account{Name: "anna"}, Account{Name: "ben", Alarms: 2, Status: 4}
	for want, r := range map[string]*Run{
		"mailstrata backup on nas: done":                                         {Outcome: "done", Accounts: []Account{fine}},
		"mailstrata backup on nas: interrupted":                                  {Status: 130, Outcome: "interrupted", Accounts: []Account{fine}},
		"ben shrank or changed suspiciously: mailstrata backup on nas":           {Status: 4, Accounts: []Account{fine, shrank}},
		"ben: 3 could not be read: mailstrata backup on nas":                     {Status: 3, Accounts: []Account{{Name: "ben", Failures: 3, Status: 3}}},
		"ben: no good night, and 1 more of 2 accounts: mailstrata backup on nas": {Status: 4, Accounts: []Account{shrank, {Name: "ben", Remark: "no good night", Status: 1}}},
		"prune of home: failed: disk full: mailstrata backup on nas":             {Status: 1, Failed: []string{"prune of home: failed: disk full", "more"}, Accounts: []Account{fine}},
		strings.Repeat("é", maxFailed-1) + "…: mailstrata backup on nas":         {Status: 1, Failed: []string{strings.Repeat("é", 300)}},
	} {
		r.Command, r.Host = "backup", "nas"
		if got := r.Subject(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The line of an account whose mail could not be read has what is suspicious of the rest.
func TestLineOfFailedMail(t *testing.T) {
	r := &Run{Command: "backup", Host: "nas", Status: 1, Accounts: []Account{{Name: "ben", Err: "no answer", Alarms: 1, Status: 1}}}
	if text := r.Summary(); !strings.Contains(text, "\nben: not archived: no answer; 1 suspicious\n") {
		t.Error(text)
	}
}

// Metrics of the accounts of a repository say which it is, and when each was last good. So they do
// not collide with those of a run.
func TestMetricsOfRepositories(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status.prom")
	r := &Run{Command: "status", Accounts: []Account{
		{Name: "anna", Repository: "/srv/\"mail", End: time.Unix(1_800_000_000, 0), LastGood: time.Unix(1_799_000_000, 0), Alarms: 2, Status: 4},
		{Name: "jo", Repository: "/srv/mail", Err: "never archived", Status: 3},
	}}
	if err := WriteMetrics(path, r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`mailstrata_account_last_good_timestamp_seconds{account="anna",repository="/srv/\"mail"} 1799000000`,
		`mailstrata_account_last_archived_timestamp_seconds{account="anna",repository="/srv/\"mail"} 1800000000`,
		`mailstrata_account_alarms{account="anna",repository="/srv/\"mail"} 2`,
		`mailstrata_account_status{account="jo",repository="/srv/mail"} 3`,
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("there is no line %s in\n%s", line, text)
		}
	}
	if strings.Contains(string(text), `last_good_timestamp_seconds{account="jo"`) {
		t.Error("an account that never was archived has a good night")
	}
}
