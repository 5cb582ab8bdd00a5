package fetch

import (
	"encoding/binary"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// recoveryKey is what a message goes by in the spill: its mailbox and UID, and all that the server tells of it and that does
// not change. A UID that means another message now is not likely to agree in all of it. Where UIDs mean nothing on another day, there is none.
func recoveryKey(session *source.Session, server string, m mail.Message) []byte {
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

// Recovered is what was taken up from the spill, by its keys. A nil one is empty.
type Recovered struct {
	mu       sync.Mutex
	messages map[string]*recovered
	left     int // not taken yet
}

type recovered struct {
	archive.Filed
	taken bool
}

// Add adds a message, by its key in the recovery log.
func (r *Recovered) Add(key []byte, stored archive.Filed) {
	if r.messages == nil {
		r.messages = make(map[string]*recovered)
	}
	if _, again := r.messages[string(key)]; !again {
		r.left++
	}
	r.messages[string(key)] = &recovered{Filed: stored}
}

// Len returns the number of messages that were not taken.
func (r *Recovered) Len() int { return r.left }

// take gives a message, if it is there.
func (r *Recovered) take(key []byte) (archive.Filed, bool) {
	if r == nil {
		return archive.Filed{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.messages[string(key)]
	if !ok {
		return archive.Filed{}, false
	}
	if !m.taken {
		m.taken = true
		r.left--
	}
	return m.Filed, true
}

// Exhausted reports whether all was taken.
func (r *Recovered) Exhausted() bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left == 0
}
