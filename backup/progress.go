package backup

import (
	"sync"
)

// Progress is how far a command has come.
type Progress struct {
	Account       string // the account that it works on
	Messages      int64  // done
	Bytes         int64  // of these messages
	TotalMessages int64  // to be done, as far as known; 0: unknown
	Mailboxes     int64  // that are read or were read, without unchanged ones
	DoneMailboxes int64  // of these mailboxes
	ByID          int64  // of the messages done, those that were archived already and were not downloaded
}

// Note is a sentence about the run for the person who started it. Notes about the account are in
// its manifest instead.
type Note struct {
	Account string
	Text    string
	Detail  bool // only if details are wanted
}

// tracker counts and reports the progress of a run.
type tracker struct {
	report func(Progress) // may be nil

	mu       sync.Mutex
	progress Progress
}

// expect adds to the totals.
func (t *tracker) expect(messages, mailboxes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.TotalMessages += messages
	t.progress.Mailboxes += mailboxes
}

// messages returns how many messages are done.
func (t *tracker) messages() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.progress.Messages
}

// finished counts a mailbox that was read.
func (t *tracker) finished() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.DoneMailboxes++
}

// advance counts a message that was matched with an archived one, or downloaded.
func (t *tracker) advance(bytes int64, matched bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Messages++
	t.progress.Bytes += bytes
	if matched {
		t.progress.ByID++
	}
	if t.report != nil {
		t.report(t.progress)
	}
}
