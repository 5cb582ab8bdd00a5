package backup

import (
	"sync"
)

// Progress is how far a verb has come.
type Progress struct {
	Account       string // what it works on
	Messages      int64  // done
	Bytes         int64  // of these
	TotalMessages int64  // to be done, as far as known; 0: not known
	Mailboxes     int64  // that are read, or were; an unchanged one is not
	DoneMailboxes int64  // of these
	ByID          int64  // of the messages done, those that are archived already, and have no bytes to be read
}

// Note is a sentence about the run, for the person who runs it; what belongs to the account is in its manifest.
type Note struct {
	Account string
	Text    string
	Detail  bool // for who asks for details
}

// tracker counts the progress of a run, and reports it.
type tracker struct {
	report func(Progress) // may be nil

	mu       sync.Mutex
	progress Progress
}

// expect adds to the totals: messages that are likely to be downloaded, and mailboxes that are read.
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

// advance counts a message. It was downloaded, unless byID is 1.
func (t *tracker) advance(bytes, byID int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Messages++
	t.progress.Bytes += bytes
	t.progress.ByID += byID
	if t.report != nil {
		t.report(t.progress)
	}
}
