package backup

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

// What a run downloads it also spills to this host's disk, until it is in a checkpoint or a manifest (recovery.Log). A run
// that finds what a killed one has spilled puts it into the repository as if it had come from the server just now; each
// message that the server then tells of in the same words is not asked for again. So nothing rests on the spill but time:
// whatever is lost, wrong or stale in it is downloaded.

// spillAfter is how old a run becomes before it spills. Most are over by then; of one that is killed, so many seconds of
// download are lost, and sealing and writing a second time what is downloaded costs a twelfth of a run's CPU time.
const spillAfter = 5 * time.Second

// spillKey is what a message goes by in the spill: its mailbox and UID, and all that the server tells of it and that does
// not change. A UID that means another message now is not likely to agree in all of it. Where UIDs mean nothing on another day, there is none.
func spillKey(session *source.Session, server string, m mail.Message) []byte {
	if session.Validity == 0 {
		return nil
	}
	key := binary.LittleEndian.AppendUint32(nil, session.Validity)
	key = binary.LittleEndian.AppendUint32(key, uint32(m.UID))
	key = binary.AppendVarint(key, m.Size)
	for _, date := range []mail.Date{m.Internal, m.Saved} {
		key = binary.AppendVarint(key, date.Seconds)
		key = binary.AppendVarint(key, int64(date.Zone))
		key = appendText(key, date.Raw)
	}
	for _, text := range []string{m.IDs.Email, m.IDs.Thread, m.IDs.XGUID, m.IDs.GMMsg, m.IDs.GMThread, session.Mailbox.Raw, server} {
		key = appendText(key, text)
	}
	return key
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// spilt is what was taken up from the spill, by its keys. A nil one is empty.
type spilt struct {
	mu       sync.Mutex
	messages map[string]*taken
	left     int // not taken yet
}

type taken struct {
	archive.Filed
	taken bool
}

// take gives a message, if it is there.
func (s *spilt) take(key []byte) (archive.Filed, bool) {
	if s == nil {
		return archive.Filed{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.messages[string(key)]
	if !ok {
		return archive.Filed{}, false
	}
	if !m.taken {
		m.taken = true
		s.left--
	}
	return m.Filed, true
}

// exhausted reports whether all was taken.
func (s *spilt) exhausted() bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left == 0
}

// takeUp opens the spill, and puts into the repository what earlier runs have left in it. A host that cannot spill is told
// of, and archives as well.
func (w *walk) takeUp(ctx context.Context) error {
	spill, err := w.repo.RecoveryLog(w.account.Name, w.spillAfter)
	if err != nil {
		w.remark(true, "nothing is kept for the case that this run is killed: %v", err)
		return nil
	}
	w.spill, w.checkpoints.full = spill, spill.Full
	filer := archive.NewFiler(w.repo, w.writer, nil)
	defer filer.Close()
	found := &spilt{messages: make(map[string]*taken)}
	var bytes int64
	problem, err := spill.Recover(ctx, func(key []byte, body io.Reader) error {
		stored, err := filer.File(ctx, nil, 0, body)
		if errors.Is(err, repo.ErrErased) {
			return nil
		}
		if err == nil {
			found.messages[string(key)] = &taken{Filed: stored}
			bytes += stored.Size
		}
		return err
	})
	if problem != nil {
		w.remark(true, "what a run that was killed has left is not read to its end: %v", problem)
	}
	if found.left = len(found.messages); found.left > 0 {
		w.spilt = found
		w.remark(true, "taken up from a run that was killed: %d messages, %d bytes", found.left, bytes)
	}
	return err
}

// closeSpill ends the spilling; what is in a manifest is forgotten.
func (w *walk) closeSpill(committed bool) {
	if err := w.spill.Failed(); err != nil {
		w.remark(false, "if this run had been killed, the next one would have had to download more than usual: %v", err)
	}
	if committed {
		w.spill.Clear(true)
	}
	w.spill.Close()
}
