// Package notify reports how an unattended run went: to a monitor that waits for pings (ping.go),
// to a collector of metrics (metrics.go), and to a command of the user for failures (command.go).
//
// Nothing here can make a run fail: errors are only logged. No error repeats the URL of a monitor,
// which is its secret.
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
	Failed     []string // sentences about what failed
	Accounts   []Account

	Repositories []Repository // that a status reports

	Log string // the end of it
}

// Repository is how a repository is doing.
type Repository struct {
	Location string
	Damaged  time.Time // when a check of this host found damage; zero: it found none, or it is gone
	LastRead time.Time // when a rolling check of any host last ended without damage; zero: none did
}

// Account is the result of one account.
type Account struct {
	Name     string
	Remark   string    // what needs a look, in a few words; empty: the figures say it
	Status   int       // the exit status for this account alone
	Err      string    // why it was not archived; empty if it was
	End      time.Time // when it was archived
	Duration time.Duration

	Messages, Bytes       int64 // that it holds
	NewMessages, NewBytes int64 // that were downloaded
	Failures, Alarms      int64

	// Repository and LastGood are set if the accounts of a repository are reported, and not those
	// of a run: where the account is, and when it was last archived without failures and alarms.
	Repository string
	LastGood   time.Time
}

// Subject returns the run in a line. It begins with what failed, because a telephone shows little
// more.
func (r *Run) Subject() string {
	run := fmt.Sprintf("mailstrata %s on %s", r.Command, r.Host)
	if what := r.failed(); what != "" {
		return what + ": " + run
	}
	return run + ": " + r.Outcome
}

// maxFailed is how much of a sentence about a failure is in the subject.
const maxFailed = 100

// failed returns what failed, in a few words: the worst account and how many others need a look, or
// the first step. It is empty if nothing did, or it is not known what.
func (r *Run) failed() string {
	sorted, amiss := r.sorted()
	switch {
	case r.Status == 0:
		return ""
	case amiss > 1:
		return fmt.Sprintf("%s, and %d more of %d accounts", sorted[0].trouble(), amiss-1, len(sorted))
	case amiss == 1:
		return sorted[0].trouble()
	case len(r.Failed) == 0:
		return ""
	}
	text := []rune(r.Failed[0])
	if len(text) > maxFailed {
		text = append(text[:maxFailed-1], '…')
	}
	return string(text)
}

// sorted returns the accounts, those that failed first, and how many need a look.
func (r *Run) sorted() (sorted []Account, amiss int) {
	sorted = slices.Clone(r.Accounts)
	slices.SortStableFunc(sorted, func(a, b Account) int { return cmp.Compare(a.rank(), b.rank()) })
	if amiss = slices.IndexFunc(sorted, func(a Account) bool { return a.rank() == len(ranks) }); amiss < 0 {
		amiss = len(sorted)
	}
	return sorted, amiss
}

// trouble returns what is wrong with an account, in a few words.
func (a *Account) trouble() string {
	switch {
	case a.Remark != "":
		return a.Name + ": " + a.Remark
	case a.Err != "":
		return a.Name + " was not archived"
	case a.Alarms > 0:
		return a.Name + " shrank or changed suspiciously"
	case a.Failures > 0:
		return a.Name + ": " + humanize.Comma(a.Failures) + " could not be read"
	}
	return a.Name + " needs a look"
}

// Summary returns the run on a page: its result, each account, and the end of the log.
func (r *Run) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (exit status %d)\n%s, %s\n",
		r.Subject(), r.Status, r.Start.Format(time.RFC3339), r.End.Sub(r.Start).Round(time.Second))
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
	sorted, amiss := r.sorted()
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
	switch {
	case a.Remark != "":
		return a.Name + ": " + a.Remark
	case a.Err != "" && a.Alarms > 0:
		return fmt.Sprintf("%s: not archived: %s; %s suspicious", a.Name, a.Err, humanize.Comma(a.Alarms))
	case a.Err != "":
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
