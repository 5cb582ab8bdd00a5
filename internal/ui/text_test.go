package ui

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// What could move the cursor or deceive the reader is escaped, and nothing else.
func TestSafe(t *testing.T) {
	for text, want := range map[string]string{
		"Grüße, 日本 👩‍💻":   "Grüße, 日本 👩‍💻",
		`\Seen`:           `\Seen`,
		"\x1b[31mred":     `\x1b[31mred`,
		"a\rb\nc\td\x00":  `a\x0db\x0ac\x09d\x00`,
		"\u009b2J":        `\u009b2J`,
		"exe.\u202egpj":   `exe.\u202egpj`,
		"zero\u200bwidth": `zero\u200bwidth`,
		"K\xf6ln":         `K\xf6ln`,
		"line\u2028break": `line\u2028break`,
	} {
		if got := Safe(text); got != want {
			t.Errorf("safe(%q) = %q, want %q", text, got, want)
		}
	}
}

// Text of a server never controls a terminal, and escaping does not change what JSON means.
func FuzzSafe(f *testing.F) {
	f.Add("\x1b]0;title\a")
	f.Add("\u2066\U000e0001\xff")
	f.Fuzz(func(t *testing.T, text string) {
		harmless := func(what, shown string) {
			if !utf8.ValidString(shown) || strings.IndexFunc(shown, func(r rune) bool { return !isHarmless(r) }) >= 0 {
				t.Errorf("%s of %q: %q", what, text, shown)
			}
		}
		harmless("safe", Safe(text))
		plain, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		escaped := escapeJSON(plain)
		harmless("JSON", string(escaped))
		var before, after string
		if json.Unmarshal(plain, &before) != nil || json.Unmarshal(escaped, &after) != nil || before != after {
			t.Errorf("JSON of %q was %q and is %q", text, before, after)
		}
	})
}

// A mistyped name has the one that is nearest, and a foreign one none.
func TestNearest(t *testing.T) {
	names := []string{"INBOX", "Projects", "Projects/Bridge", "Trash"}
	for word, want := range map[string]string{
		"Project": "Projects", "projects/brigde": "Projects/Bridge", "Inbox": "INBOX", "Reisen": "", "trahs": "Trash", "web": "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// Hashes are cut, but for those in names of objects, which a user may look for.
func TestBrief(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	text := "chunk " + id + " in data/" + id + ": damaged"
	if got, want := ShortenHashes(text), "chunk 01234567… in data/"+id+": damaged"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The line of progress has the rate and the time left once they are known.
func TestDescribe(t *testing.T) {
	for want, c := range map[string]struct {
		Tally
		elapsed time.Duration
	}{
		"0 messages read":  {},
		"10 messages read": {Tally{Messages: 10}, time.Hour},
		"1 of 2 messages read, 10 B, 5 B/s, 3 s left":               {Tally{Messages: 1, Bytes: 10, Total: 2}, 2 * time.Second},
		"1,000 of 4,000 messages read, 60 MB, 1.0 MB/s, 3 min left": {Tally{Messages: 1000, Bytes: 60e6, Total: 4000}, time.Minute},
		"7 messages read, 70 B, 70 B/s":                             {Tally{Messages: 7, Bytes: 70, Total: 7}, time.Second},
	} {
		if got := describe("read", c.Tally, c.elapsed); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A number agrees with its noun.
func TestPlural(t *testing.T) {
	for want, got := range map[string]string{
		"1 message": Plural(1, "message"), "0 messages": Plural(0, "message"), "2 messages or pages": Plural(2, "message or page"), "1 message or page": Plural(1, "message or page"), "1,234 mailboxes": Plural(1234, "mailbox"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// On a terminal, other lines appear above the progress line, and nothing of it remains.
func TestConsole(t *testing.T) {
	var screen strings.Builder
	c := &console{w: &screen, live: true}
	c.status("1 message")
	c.line(levelInfo, "a warning")
	c.status("2 messages")
	c.clear()
	c.clear()
	if got, want := screen.String(), "1 message\r\x1b[Ka warning\n2 messages\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A command of several steps shows the current step and its remaining time.
func TestProgressOfSteps(t *testing.T) {
	for _, c := range []struct {
		now     StepState
		elapsed time.Duration
		want    string
	}{
		{StepState{Step: "packs deleted", Done: 3, Of: 40, Bytes: 30e6, AllBytes: 400e6}, 0, "packs deleted: 3 of 40, 30 MB of 400 MB"},
		{StepState{Step: "packs deleted", Done: 20, Of: 40, Bytes: 100e6, AllBytes: 400e6}, 10 * time.Second, "packs deleted: 20 of 40, 100 MB of 400 MB, 10 MB/s, 31 s left"},
		{StepState{Step: "objects checked", Done: 10, Of: 40, Bytes: 300e6, AllBytes: 400e6}, 10 * time.Second, "objects checked: 10 of 40, 300 MB of 400 MB, 30 MB/s, 31 s left"},
		{StepState{Step: "locks renewed", Done: 1234}, time.Minute, "locks renewed: 1,234"},
		{StepState{Step: "manifests followed", Done: 40, Of: 40}, time.Minute, "manifests followed: 40 of 40"},
	} {
		if got := describeStep(c.now, c.elapsed); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	var screen strings.Builder
	progress := (&Output{console: &console{w: &screen, live: true}}).Progress("pruned")
	progress.Step(StepState{Step: "packs deleted", Done: 1, Of: 2})
	progress.next = time.Time{}
	progress.Step(StepState{Step: "index segments merged", Done: 1, Of: 8})
	progress.Done()
	if got, want := screen.String(), "packs deleted: 1 of 2\r\x1b[Kindex segments merged: 1 of 8\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Elsewhere, progress appears after a while, and never with -q.
func TestProgress(t *testing.T) {
	var screen strings.Builder
	p := &Output{console: &console{w: &screen, verbose: true}}
	progress := p.Progress("read")
	progress.Update("anna", Tally{Messages: 1, Total: 2})
	if screen.Len() > 0 {
		t.Errorf("shown at once: %q", screen.String())
	}
	progress.next = time.Time{}
	progress.Update("jo", Tally{Messages: 2, Total: 3})
	if got, want := screen.String(), "3 of 5 messages read\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	progress.next = time.Time{}
	progress.Update("jo", Tally{Messages: 2, ByID: 1, Total: 3})
	if !strings.HasSuffix(screen.String(), "\n3 of 5 messages read, 1 of them known\n") {
		t.Errorf("%q", screen.String())
	}
	progress.next = time.Time{}
	progress.Update("jo", Tally{Messages: 2, Total: 3, Mailboxes: 1, AllMailboxes: 4})
	if !strings.HasSuffix(screen.String(), "\n3 of 5 messages read, 1 of 4 mailboxes\n") {
		t.Errorf("%q", screen.String())
	}
	p.console.quiet = true
	progress.next = time.Time{}
	progress.Update("jo", Tally{Messages: 3, Total: 3})
	if strings.Count(screen.String(), "\n") != 3 {
		t.Errorf("shown with -q: %q", screen.String())
	}
}
