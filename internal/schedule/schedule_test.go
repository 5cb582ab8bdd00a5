package schedule

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// hard is a job whose every word needs quotes somewhere.
var hard = Job{
	Program: "/opt/my mail/mailstrata", Args: []string{"--config", `/home/anna/a "b" 100% $HOME \c/it's.toml`, "run"},
	Environ: []string{"XDG_STATE_HOME=/home/anna/my state"},
}

// cronHost is a host with cron alone.
func cronHost(table *string) *Host {
	return &Host{Run: func(_ context.Context, input []byte, name string, args ...string) ([]byte, error) {
		switch {
		case name != "crontab":
			return nil, exec.ErrNotFound
		case args[0] == "-":
			*table = string(input)
		case *table == "":
			return nil, errors.New("no crontab for anna")
		}
		return []byte(*table), nil
	}}
}

// A timer that runs something else is named before it is replaced: that of another configuration,
// or one that somebody wrote. That of the same job is not.
func TestOther(t *testing.T) {
	other := Job{Program: "/opt/mailstrata", Args: []string{"--config", "/home/anna/work.toml", "run"}}
	table := "0 1 * * * mine\n"
	home := t.TempDir()
	quiet := func(context.Context, []byte, string, ...string) ([]byte, error) { return nil, nil }
	host := &Host{Home: home, Getenv: func(string) string { return "" }, Run: quiet}
	units := filepath.Join(home, ".config", "systemd", "user")
	for name, c := range map[string]struct {
		timer Timer
		runs  string
	}{
		"systemd": {&systemd{host}, execStart(systemdUnits(hard)["mailstrata.service"])},
		"cron":    {cronHost(&table).Find(t.Context()), cronCommand(cronLine(hard))},
		"launchd": {&launchd{host}, (&launchd{host}).path()},
	} {
		if got := c.timer.Other(t.Context(), hard); got != "" {
			t.Errorf("%s: without a timer: %q", name, got)
		}
		if err := c.timer.Install(t.Context(), hard); err != nil {
			t.Fatal(err)
		}
		hourly := hard
		hourly.Hourly = true
		if got := c.timer.Other(t.Context(), hourly); got != "" {
			t.Errorf("%s: the same job: %q", name, got)
		}
		if got := c.timer.Other(t.Context(), other); got != c.runs {
			t.Errorf("%s: another job: %q, want %q", name, got, c.runs)
		}
	}
	own := filepath.Join(units, "mailstrata.timer")
	if err := os.WriteFile(own, []byte("[Timer]\nOnCalendar=daily\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := (&systemd{host}).Other(t.Context(), hard); got != own {
		t.Errorf("a timer that somebody wrote: %q", got)
	}
}

// A line that somebody wrote into a cron table is found.
func TestRuns(t *testing.T) {
	for table, want := range map[string]string{
		"# mailstrata\n0 1 * * * other\n": "", "0 1 * * * other\n30 2 * * * /opt/mailstrata backup -q\n": "your cron table: 30 2 * * * /opt/mailstrata backup -q",
	} {
		if got, isUnit := cronHost(&table).Runs(t.Context()); got != want || isUnit {
			t.Errorf("%q: %q, %t", table, got, isUnit)
		}
	}
	home := t.TempDir()
	quiet := func(context.Context, []byte, string, ...string) ([]byte, error) { return nil, nil }
	h := &Host{Home: home, Getenv: func(string) string { return "" }, Run: quiet}
	if got, isUnit := h.Runs(t.Context()); got != "" || isUnit {
		t.Errorf("without a unit: %q, %t", got, isUnit)
	}
	if err := (&systemd{h}).Install(t.Context(), hard); err != nil {
		t.Fatal(err)
	}
	if got, isUnit := h.Runs(t.Context()); got == "" || !isUnit {
		t.Errorf("with a unit: %q, %t", got, isUnit)
	}
}

// Of a job that somebody deleted, the comment may be left. The line below it is another's.
func TestCronComment(t *testing.T) {
	got := cronTable(cronMark+"x\n0 1 * * * mine\n", hard)
	if !strings.HasPrefix(got, "0 1 * * * mine\n") || strings.Count(got, cronMark) != 1 {
		t.Errorf("the table is\n%s", got)
	}
}

// A table that crontab does not show in time is not replaced.
func TestCronIsSlow(t *testing.T) {
	h := &Host{Run: func(_ context.Context, input []byte, _ string, args ...string) ([]byte, error) {
		if args[0] == "-" {
			t.Errorf("it is replaced by %s", input)
		}
		return nil, context.DeadlineExceeded
	}}
	if err := (&cron{h}).Install(t.Context(), hard); err == nil {
		t.Error("no error")
	}
}

// A cron table keeps its other lines, and has the job once, however often it is installed.
func TestCron(t *testing.T) {
	for _, before := range []string{"", "MAILTO=anna\n0 1 * * * other\n", "0 1 * * * other"} {
		table := before
		h := cronHost(&table)
		for range 2 {
			timer := h.Find(t.Context())
			if timer == nil || timer.Session() {
				t.Fatalf("the timer is %v", timer)
			}
			if err := timer.Install(t.Context(), hard); err != nil {
				t.Fatal(err)
			}
		}
		rest, ok := strings.CutPrefix(table, before)
		if before != "" && !strings.HasSuffix(before, "\n") {
			rest = strings.TrimPrefix(rest, "\n")
		}
		if !ok || strings.Count(rest, "\n") != 2 || strings.Count(table, "mailstrata setup") != 1 {
			t.Errorf("%q became\n%s", before, table)
		}
	}
}

// The next run of a cron table is that of its lines for mailstrata which is first.
func TestCronNext(t *testing.T) {
	now := time.Date(2026, 3, 28, 14, 30, 0, 0, time.UTC)
	for table, want := range map[string]string{
		"5 2 * * * mailstrata run\n": "2026-03-29 02:05", "45 14 * * * mailstrata run\n": "2026-03-28 14:45", "7 * * * * mailstrata run\n": "2026-03-28 15:07",
		"# 5 * * * * mailstrata\n1 1 * * * other\n30 14 * * * mailstrata a\n0 3 * * * mailstrata b\n": "2026-03-29 03:00",
		"": "", "@daily mailstrata run\n": "", "5 2 * * 1 mailstrata run\n": "", "*/5 * * * * mailstrata run\n": "",
	} {
		got, ok := cronHost(&table).CronNext(t.Context(), now)
		if ok != (want != "") || ok && got.Format("2006-01-02 15:04") != want {
			t.Errorf("%q: %v, %t, want %q", table, got, ok, want)
		}
	}
}

// A host with cron tables that nothing reads says so when a job is installed.
func TestCronIsDown(t *testing.T) {
	table := ""
	for _, test := range []struct {
		processes []string
		down      bool
	}{
		{nil, false}, {[]string{"init", "crond"}, false}, {[]string{"systemd", "cron", "sshd"}, false}, {[]string{"bash", "sshd"}, true},
	} {
		h := cronHost(&table)
		h.Processes = func() []string { return test.processes }
		limit := h.Find(t.Context()).Limit(t.Context())
		if h.CronIsDown() != test.down || strings.Contains(limit, "service cron start") != test.down {
			t.Errorf("%q: %t, %q", test.processes, h.CronIsDown(), limit)
		}
	}
	if names := Processes(); names != nil && !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "schedule.test"[:8]) }) {
		t.Errorf("this process is not among %q", names)
	}
}

// What cron runs are the words of the job.
func TestCronLineAtShell(t *testing.T) {
	line := cronLine(Job{Program: "printf", Args: append([]string{`%s\n`}, hard.Args...)})
	command := strings.ReplaceAll(strings.SplitN(line, " ", 6)[5], `\%`, "%")
	command = strings.TrimSuffix(command, " --quiet >/dev/null")
	out, err := exec.Command("sh", "-c", command).Output()
	if err != nil || string(out) != strings.Join(hard.Args, "\n")+"\n" {
		t.Errorf("%v: %s gives\n%s", err, command, out)
	}
}

// A host whose systemd does not answer, and that has no cron, has no timer.
func TestNoTimer(t *testing.T) {
	h := &Host{Run: func(context.Context, []byte, string, ...string) ([]byte, error) { return nil, exec.ErrNotFound }}
	if timer := h.Find(t.Context()); timer != nil {
		t.Errorf("there is %s", timer.Name())
	}
}

// The units are where systemd looks for them, and systemd accepts them.
func TestSystemd(t *testing.T) {
	var ran []string
	config := t.TempDir()
	h := &Host{Home: "/nowhere", Getenv: func(string) string { return config }, Run: func(_ context.Context, _ []byte, name string, args ...string) ([]byte, error) {
		ran = append(ran, name+" "+strings.Join(args, " "))
		return nil, nil
	}}
	program := filepath.Join(config, "my program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	job := hard
	job.Program = program
	if err := h.Find(t.Context()).Install(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	want := []string{"systemctl --user show-environment", "systemctl --user daemon-reload", "systemctl --user enable --now mailstrata.timer"}
	if !reflect.DeepEqual(ran, want) {
		t.Errorf("it ran %q", ran)
	}
	dir := filepath.Join(config, "systemd", "user")
	text, err := os.ReadFile(filepath.Join(dir, "mailstrata.service"))
	if err != nil || !strings.Contains(string(text), `ExecStart="`+program+`" "--config" "/home/anna/a \"b\" 100%% $$HOME \\c/it's.toml" "run"`) {
		t.Errorf("%v:\n%s", err, text)
	}
	systemdAnalyze := need.Program(t, "systemd-analyze", "run make packages")
	out, err := exec.Command(systemdAnalyze, "verify", "--man=no", filepath.Join(dir, "mailstrata.service"), filepath.Join(dir, "mailstrata.timer")).CombinedOutput()
	if err != nil || strings.Contains(string(out), "mailstrata") {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

// The files of macOS and Windows are XML with the words of the job.
func TestDesktops(t *testing.T) {
	list := propertyList(hard)
	var words []string
	for d, in := xml.NewDecoder(strings.NewReader(list)), false; ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			in = token.Name.Local == "string"
		case xml.CharData:
			if in {
				words = append(words, string(token))
			}
		case xml.EndElement:
			in = false
		}
	}
	if want := append(append([]string{label, hard.Program}, hard.Args...), "/home/anna/my state", "Background"); !reflect.DeepEqual(words, want) {
		t.Errorf("the words are %q", words)
	}
	var task struct {
		Command   string `xml:"Actions>Exec>Command"`
		Arguments string `xml:"Actions>Exec>Arguments"`
	}
	text := strings.Replace(taskDefinition(hard), "UTF-16", "UTF-8", 1)
	if err := xml.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	if task.Command != hard.Program || task.Arguments != `--config "/home/anna/a \"b\" 100% $HOME \c/it's.toml" run` {
		t.Errorf("%+v", task)
	}
	if got := windowsWord(`a b\`); got != `"a b\\"` {
		t.Errorf("a backslash at the end: %s", got)
	}
	if got := wide("é\n"); !reflect.DeepEqual(got, []byte{0xff, 0xfe, 0xe9, 0, '\r', 0, '\n', 0}) {
		t.Errorf("UTF-16: %x", got)
	}
}
