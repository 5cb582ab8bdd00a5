// Package notify reports how an unattended run went: to a monitor that waits for pings (ping.go), to a collector of metrics
// (metrics.go), and to a command of the user for failures (command.go).
//
// Nothing here can make a run fail: errors are only logged. No error repeats the URL of a monitor, which is its secret.
package notify

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// Run is a run of a command, for reports.
type Run struct {
	Command    string // "backup"
	Host       string
	Start, End time.Time
	Status     int      // the exit status
	Outcome    string   // what it means, in words
	Failed     []string // of a run of several steps: a sentence about each that failed
	Accounts   []Account
	Log        string // the end of it
}

// Account is the result of one account.
type Account struct {
	Name     string
	Status   int       // the exit status for this account alone
	Err      string    // why it was not archived; empty if it was
	End      time.Time // when it was archived
	Duration time.Duration

	Messages, Bytes       int64 // that it holds
	NewMessages, NewBytes int64 // that were downloaded
	Failures, Alarms      int64
}

// Subject returns the run in a line.
func (r *Run) Subject() string {
	return fmt.Sprintf("mailstrata %s on %s: %s", r.Command, r.Host, r.Outcome)
}

// Summary returns the run on a page: its result, each account, and the end of the log.
func (r *Run) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (exit status %d)\n%s, %s\n", r.Subject(), r.Status, r.Start.Format(time.RFC3339), r.End.Sub(r.Start).Round(time.Second))
	for _, sentence := range r.Failed {
		b.WriteString(sentence + "\n")
	}
	b.WriteString(r.accounts())
	if r.Log != "" {
		b.WriteString("\n" + r.Log)
	}
	return b.String()
}

// mostGood is the number of good accounts that are listed one by one.
const mostGood = 20

// accounts lists the accounts, those that failed first, because the summary may go to a telephone.
func (r *Run) accounts() string {
	if len(r.Accounts) == 0 {
		return ""
	}
	sorted := slices.Clone(r.Accounts)
	slices.SortStableFunc(sorted, func(a, b Account) int { return cmp.Compare(a.rank(), b.rank()) })
	amiss := slices.IndexFunc(sorted, func(a Account) bool { return a.rank() == len(ranks) })
	if amiss < 0 {
		amiss = len(sorted)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d accounts have problems\n", amiss, len(sorted))
	listed := sorted[:amiss]
	if len(sorted)-amiss <= mostGood {
		listed = sorted
	}
	for _, a := range listed {
		fmt.Fprintf(&b, "%s\n", a.line())
	}
	if more := len(sorted) - len(listed); more > 0 {
		var messages int64
		for _, a := range sorted[amiss:] {
			messages += a.NewMessages
		}
		fmt.Fprintf(&b, "%d more are fine: %s new messages\n", more, humanize.Comma(messages))
	}
	return b.String()
}

// ranks are the exit statuses of an account, the worst first.
var ranks = []int{1, 4, 3}

func (a *Account) rank() int {
	if i := slices.Index(ranks, a.Status); i >= 0 {
		return i
	}
	if a.Status != 0 {
		return 0
	}
	return len(ranks)
}

func (a *Account) line() string {
	if a.Err != "" {
		return a.Name + ": not archived: " + a.Err
	}
	words := []string{fmt.Sprintf("%s messages", humanize.Comma(a.Messages)), humanize.Bytes(uint64(max(0, a.Bytes))),
		humanize.Comma(a.NewMessages) + " new"}
	if a.Failures > 0 {
		words = append(words, humanize.Comma(a.Failures)+" could not be read")
	}
	if a.Alarms > 0 {
		words = append(words, humanize.Comma(a.Alarms)+" suspicious")
	}
	return a.Name + ": " + strings.Join(words, ", ")
}

// maxTail is how much of a log is reported. Monitors keep little more.
const maxTail = 8 << 10

// Tail keeps the end of a log. It is safe for concurrent use.
type Tail struct {
	mu   sync.Mutex
	text []byte
	cut  bool
}

// colors matches the escape sequences of colors.
var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Line adds a line.
func (t *Tail) Line(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(append(t.text, colors.ReplaceAllString(text, "")...), '\n')
	if len(t.text) > 2*maxTail {
		t.text = append(t.text[:0], t.text[len(t.text)-maxTail:]...)
		t.cut = true
	}
}

// String returns the end of the log, from the beginning of a line.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := string(t.text)
	if !t.cut && len(text) <= maxTail {
		return text
	}
	text = text[max(0, len(text)-maxTail):]
	if _, whole, ok := strings.Cut(text, "\n"); ok && whole != "" {
		text = whole
	}
	return "…\n" + text
}
