package fetch

import (
	"encoding/binary"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// recoveryKey returns the key of a message in the recovery log: its mailbox and UID, and everything that the server
// says about it that does not change. If the UID means another message now, some of this is likely to differ. There
// is no key if UIDs are only valid for a session.
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
	ids := m.IDs
	for _, text := range []string{ids.Email, ids.Thread, ids.XGUID, ids.GMMsg, ids.GMThread, session.Mailbox.Raw, server} {
		key = appendText(key, text)
	}
	return key
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// Recovered holds the messages that were recovered from an interrupted run, by their keys in the recovery log. A nil
// Recovered is empty.
type Recovered struct {
	mu       sync.Mutex
	messages map[string]*recovered
	left     int // not taken yet
}

type recovered struct {
	archive.Stored
	taken bool
}

// Add adds a message.
func (r *Recovered) Add(key []byte, stored archive.Stored) {
	if r.messages == nil {
		r.messages = make(map[string]*recovered)
	}
	if _, again := r.messages[string(key)]; !again {
		r.left++
	}
	r.messages[string(key)] = &recovered{Stored: stored}
}

// Len returns the number of messages that were not taken.
func (r *Recovered) Len() int { return r.left }

// take returns a message, if there is one with this key.
func (r *Recovered) take(key []byte) (archive.Stored, bool) {
	if r == nil {
		return archive.Stored{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.messages[string(key)]
	if !ok {
		return archive.Stored{}, false
	}
	if !m.taken {
		m.taken = true
		r.left--
	}
	return m.Stored, true
}

// Exhausted reports whether all messages were taken.
func (r *Recovered) Exhausted() bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left == 0
}
