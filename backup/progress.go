package backup

import "fmt"

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

// remark tells something of this host and this run.
func (w *walk) remark(detail bool, format string, args ...any) {
	if w.note != nil {
		w.note(Note{w.account.Name, fmt.Sprintf(format, args...), detail})
	}
}

// expect adds to the total what readings are likely to download.
func (w *walk) expect(due []*reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var arrived int64
	for _, r := range due {
		arrived += r.expected()
	}
	w.moves.Expect(arrived)
	w.progress.TotalMessages += arrived
	w.progress.Mailboxes += int64(len(due))
	w.progress.Account = w.account.Name
}

// finished counts a mailbox that was read.
func (w *walk) finished() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress.DoneMailboxes++
}

// expected is how many messages a reading is likely to download.
func (r *reading) expected() int64 {
	now := r.listed.Status
	switch {
	case now == nil:
		return 0
	case r.old == nil || r.old.Status == nil || r.old.Status.UIDValidity != now.UIDValidity || r.old.Unproven:
		return int64(now.Messages)
	}
	arrived := int64(now.UIDNext) - int64(r.old.Status.UIDNext)
	return max(0, min(arrived, int64(now.Messages)), int64(now.Messages)-r.old.Accounted())
}

// advance counts a message that was downloaded, advanceByID one that need not be.
func (w *walk) advance(bytes int64) { w.progressed(bytes, 0) }
func (w *walk) advanceByID()        { w.progressed(0, 1) }

func (w *walk) progressed(bytes, byID int64) {
	w.checkpoints.downloaded(bytes)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress.Messages++
	w.progress.Bytes += bytes
	w.progress.ByID += byID
	if w.tell != nil {
		w.tell(w.progress)
	}
}
