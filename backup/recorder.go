package backup

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// recorder holds what will be in the account's next manifest: mailboxes, failures, warnings and
// alarms.
type recorder struct {
	account *Account
	round   int // of reading the account, from 0

	before      map[string]*manifest.Mailbox // the parent's mailboxes, by raw name
	recorded    map[string]*manifest.Mailbox // this run's, by raw name
	validities  identity.Validities
	dangling    []string
	outside     string            // a mailbox that is not read because it is shared or another user's; "": none
	uncounted   bool              // the last survey lacks the numbers of a mailbox
	countFaults map[string]string // why, by raw name, if the server is at fault

	mu         sync.Mutex
	failures   map[string][]manifest.Failure // by raw name
	givenUp    map[string]bool               // raw names of mailboxes that were given up; true: try again
	remaining  map[string]int64              // by raw name: at least so many messages of the parent still exist
	warnings   []string
	alarms     []string
	downloaded tally // in this run
	matched    tally // with archived messages, in this run
}

// tally counts messages and their bytes.
type tally struct{ messages, bytes int64 }

// add moves the counts of another tally to this one.
func (t *tally) add(other *tally) {
	t.messages += other.messages
	t.bytes += other.bytes
	*other = tally{}
}

func newRecorder(account *Account) *recorder {
	return &recorder{
		account:   account,
		failures:  make(map[string][]manifest.Failure),
		givenUp:   make(map[string]bool),
		remaining: make(map[string]int64),
	}
}

// addTo adds everything recorded so far to a manifest.
func (rec *recorder) addTo(m *manifest.Manifest, putTable func([]byte) (chunk.ID, error)) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	m.Dangling = rec.dangling
	m.Alarm = slices.Sorted(slices.Values(rec.alarms))
	mailboxes := make([]manifest.Mailbox, 0, len(rec.recorded))
	for _, raw := range slices.Sorted(maps.Keys(rec.recorded)) {
		mailboxes = append(mailboxes, *rec.recorded[raw])
		for _, failure := range rec.failures[raw] {
			m.AddFailure(failure)
		}
	}
	m.Totals.NewMessages, m.Totals.NewBytes = rec.downloaded.messages, rec.downloaded.bytes
	m.Totals.TakenMessages, m.Totals.TakenBytes = rec.matched.messages, rec.matched.bytes
	for _, warning := range rec.warnings {
		m.AddWarning(warning)
	}
	return m.SetMailboxes(mailboxes, putTable)
}

// carryWarnings takes over the warnings of a checkpoint.
func (rec *recorder) carryWarnings(warnings []string) {
	for _, warning := range warnings {
		if !isOfOneRun(warning) {
			rec.warn("%s", warning)
		}
	}
}

// moveFailures gives the failures of a mailbox its new name.
func (rec *recorder) moveFailures(from, to string) {
	if from == to {
		return
	}
	failures := slices.Clone(rec.failures[from])
	for i := range failures {
		failures[i].Mailbox = to
	}
	if len(failures) > 0 {
		rec.failures[to] = failures
	}
	delete(rec.failures, from)
}

// maxLost returns the largest number of archived messages that can be gone: all but those known to
// exist.
func (rec *recorder) maxLost() (most int64) {
	for _, m := range rec.before {
		most += m.Messages
	}
	for raw, remaining := range rec.remaining {
		if m := rec.recorded[raw]; m != nil {
			most -= min(remaining, m.Messages)
		}
	}
	return max(0, most)
}

// setRemaining sets how many messages of the parent still exist in a mailbox. A mailbox that is
// read in a later round counts with none.
func (rec *recorder) setRemaining(raw string, messages int64) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.round > 0 {
		messages = 0
	}
	rec.remaining[raw] = messages
}

// mentionOutside adds to alarms that mail may have been moved to a mailbox that is not read.
func (rec *recorder) mentionOutside(alarms []string) []string {
	if rec.outside == "" {
		return alarms
	}
	for i := range alarms {
		alarms[i] += fmt.Sprintf("; it may have been moved to a mailbox that is not archived, such as %q", rec.outside)
	}
	return alarms
}

// isCurrent reports whether a mailbox that this run recorded still agrees with what the server
// reports. A mailbox that was given up is not tried again in the same run, unless it may have been
// replaced.
func (rec *recorder) isCurrent(recorded *manifest.Mailbox, now *mail.Status) bool {
	again, givenUp := rec.givenUp[recorded.Raw]
	switch {
	case givenUp:
		return !again
	case recorded.Status == nil:
		return false // it could not be selected before
	case recorded.Complete && recorded.Messages == 0 && identity.SameEmpty(*recorded.Status, now):
		return true
	}
	return now == nil || identity.SameNumbers(*recorded.Status, *now)
}

// alarm adds an alarm.
func (rec *recorder) alarm(text string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.alarms = append(rec.alarms, text)
}

// carryOver keeps a mailbox as it is archived.
func (rec *recorder) carryOver(old *manifest.Mailbox, listed mail.Mailbox) {
	rec.recorded[listed.Raw] = withListing(old, listed)
	if rec.round == 0 {
		rec.setRemaining(listed.Raw, old.Messages)
	}
}

// set records the result of reading a mailbox.
func (rec *recorder) set(r *mailboxRun, found *manifest.Mailbox, failures []manifest.Failure) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.recorded[r.listed.Raw] = found
	rec.downloaded.add(&r.downloaded)
	rec.matched.add(&r.matched)
	delete(rec.givenUp, r.listed.Raw)
	delete(rec.failures, r.listed.Raw)
	if len(failures) > 0 {
		rec.failures[r.listed.Raw] = failures
	}
}

// wasGivenUp reports whether this run has failed to read a mailbox before.
func (rec *recorder) wasGivenUp(raw string) bool {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	_, givenUp := rec.givenUp[raw]
	return givenUp
}

// setGivenUp records that a mailbox was given up. If again is true, the next round tries once more.
func (rec *recorder) setGivenUp(raw string, again bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.givenUp[raw] = again
}

// failuresOf returns the failures of a mailbox in this run.
func (rec *recorder) failuresOf(raw string) []manifest.Failure {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.failures[raw]
}

// warn adds a warning, unless it is there.
func (rec *recorder) warn(format string, args ...any) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if warning := fmt.Sprintf(format, args...); !slices.Contains(rec.warnings, warning) {
		rec.warnings = append(rec.warnings, warning)
	}
}

// failMiscounted makes failures of mailboxes for which the server reports another number of
// messages than it lists, although nothing changed.
func (rec *recorder) failMiscounted() {
	for raw, m := range rec.recorded {
		if !m.Selectable() || !rec.account.reads(m.Mailbox) || m.Complete || len(rec.failures[raw]) > 0 {
			continue
		}
		if m.Status == nil || m.Accounted() == int64(m.Status.Messages) {
			continue
		}
		reason := fmt.Sprintf("the server reports %d messages and lists %d", m.Status.Messages, m.Messages)
		rec.failures[raw] = []manifest.Failure{{Mailbox: raw, Reason: reason}}
	}
}

// failUncounted makes failures of mailboxes without numbers: they may be read, but nothing shows
// that all of their messages were.
func (rec *recorder) failUncounted() {
	for raw, reason := range rec.countFaults {
		if m := rec.recorded[raw]; m != nil && rec.account.reads(m.Mailbox) && len(rec.failures[raw]) == 0 {
			rec.failures[raw] = []manifest.Failure{{Mailbox: raw, Reason: reason}}
			m.Complete = false
		}
	}
}

// nothingRead returns why a mailbox could not be read, if this is so for all of the account and no
// message was downloaded. If not, or if there are no mailboxes, it returns nil.
func (rec *recorder) nothingRead() *manifest.Failure {
	if rec.downloaded.messages+rec.matched.messages > 0 {
		return nil
	}
	var first *manifest.Failure
	for raw, m := range rec.recorded {
		if !m.Selectable() || m.Label || !rec.account.reads(m.Mailbox) {
			continue
		}
		if _, givenUp := rec.givenUp[raw]; !givenUp || len(rec.failures[raw]) == 0 {
			return nil
		}
		if first == nil || raw < first.Mailbox {
			first = &rec.failures[raw][0]
		}
	}
	return first
}

// isComplete reports whether everything in the last survey was read without a gap.
func (rec *recorder) isComplete() bool {
	for _, mailbox := range rec.recorded {
		if mailbox.Selectable() && !mailbox.Label && rec.account.reads(mailbox.Mailbox) && !mailbox.Complete {
			return false
		}
	}
	return !rec.uncounted
}
