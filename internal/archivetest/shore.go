package archivetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Shore is a Target in memory.
type Shore struct {
	Key      chunk.Key
	mu       sync.Mutex
	Folders  map[string]*Beach
	Refuse   func(restore.Wanted) error
	Alter    func(restore.Wanted) bool // the bytes
	Changed  []string                  // what is changed of each message
	Skip     map[string]bool
	Closed   map[string]error // folders that cannot be opened
	calls    int
	FailAt   int // the call of Append that fails after half of its messages; 0: none
	Verify   bool
	Messages int // of a batch
	bytes    int64
	Appended []int // sizes of batches
	Free     bool  // takes messages in any order
}

var ErrFull = errors.New("no space left on device")

// Beach is a folder of a shore.
type Beach struct {
	Shore *Shore
	Held  []Arrived
}

type Arrived struct {
	Hash  chunk.ID
	Body  []byte
	Flags mail.Flags
	date  string
	Uid   mail.UID
}

func NewShore(s *Shelf) *Shore { return &Shore{Key: s.Key, Folders: map[string]*Beach{}} }

func (s *Shore) Prepare(_ context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	var places []restore.Place
	for _, mailbox := range mailboxes {
		places = append(places, restore.Place{Mailbox: mailbox.Name, Name: mailbox.Name, Skip: s.Skip[mailbox.Name]})
	}
	return places, []string{"a note"}, nil
}

func (s *Shore) Open(_ context.Context, place restore.Place) (restore.Folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.Closed[place.Name]; err != nil {
		return nil, err
	}
	if s.Folders[place.Name] == nil {
		s.Folders[place.Name] = &Beach{Shore: s}
	}
	return s.Folders[place.Name], nil
}

func (s *Shore) Parallel() int   { return 6 }
func (s *Shore) Close() error    { return nil }
func (s *Shore) Unordered() bool { return s.Free }

func (b *Beach) Missing(ctx context.Context, wanted []restore.Wanted) ([]int, error) {
	count := map[chunk.ID]int{}
	for _, held := range b.Held {
		count[held.Hash]++
	}
	var missing []int
	for i, w := range wanted {
		if b.Shore.Verify {
			if _, err := w.Header(ctx); err != nil {
				return nil, err
			}
			if err := w.Body.Verify(ctx); err != nil {
				missing = append(missing, i)
				continue
			}
		}
		if count[w.Hash]--; count[w.Hash] < 0 {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

func (b *Beach) Append(ctx context.Context, messages []restore.Wanted) ([]restore.AppendResult, error) {
	b.Shore.mu.Lock()
	b.Shore.calls++
	fail := b.Shore.calls == b.Shore.FailAt
	b.Shore.Appended = append(b.Shore.Appended, len(messages))
	b.Shore.mu.Unlock()
	var fates []restore.AppendResult
	for i, w := range messages {
		if fail && i >= len(messages)/2 {
			return fates, ErrFull
		}
		if b.Shore.Refuse != nil {
			if err := b.Shore.Refuse(w); err != nil {
				fates = append(fates, restore.AppendResult{Refused: err})
				continue
			}
		}
		var body bytes.Buffer
		if err := errors.Join(w.Body.Verify(ctx), w.Body.WriteTo(ctx, &body)); err != nil {
			return fates, err
		}
		b.Held = append(b.Held, Arrived{b.Shore.Key.Sum(body.Bytes()), body.Bytes(), w.Flags, w.Internal.String(), w.UID})
		altered := b.Shore.Alter != nil && b.Shore.Alter(w)
		fates = append(fates, restore.AppendResult{Added: true, Changed: b.Shore.Changed, Altered: altered})
	}
	return fates, nil
}

func (b *Beach) BatchSize() (int, int64) { return b.Shore.Messages, b.Shore.bytes }
func (b *Beach) Close() error            { return nil }

// Uids are what a folder holds, as they came.
func (b *Beach) Uids() []mail.UID {
	var uids []mail.UID
	for _, held := range b.Held {
		uids = append(uids, held.Uid)
	}
	return uids
}

// Holds checks that a folder holds the letters and nothing else.
func (s *Shore) Holds(t *testing.T, folder string, letters ...Letter) {
	t.Helper()
	held := slices.Clone(s.Folders[folder].Held)
	for _, l := range letters {
		i := slices.IndexFunc(held, func(a Arrived) bool {
			return bytes.Equal(a.Body, l.Body) && a.Flags.Equal(l.Flags) && a.date == l.Date
		})
		if i < 0 {
			t.Errorf("%s: UID %d (%d bytes) is not there, or not equal", folder, l.Uid, len(l.Body))
			continue
		}
		held = slices.Delete(held, i, i+1)
	}
	if len(held) > 0 {
		t.Errorf("%s: %d messages too many", folder, len(held))
	}
}
