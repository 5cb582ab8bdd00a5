package restore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// memTarget is a Target in memory.
type memTarget struct {
	Key      chunk.Key
	mu       sync.Mutex
	Folders  map[string]*memFolder
	Refuse   func(restore.Message) error
	Alter    func(restore.Message) bool // the bytes
	Changed  []string                   // what is changed of each message
	Skip     map[string]bool
	Reason   error            // of Skip
	Closed   map[string]error // folders that cannot be opened
	calls    int
	FailAt   int            // the call of Append that fails after half of its messages; 0: none
	LoseAt   map[string]int // folders that are lost when they hold so many messages
	Verify   bool
	Messages int   // of a batch
	Appended []int // sizes of batches
	Free     bool  // takes messages in any order
}

var errFull = errors.New("no space left on device")

// memFolder is a folder of a memTarget.
type memFolder struct {
	Target *memTarget
	name   string
	Held   []appendedMessage
}

type appendedMessage struct {
	Hash  chunk.ID
	Body  []byte
	Flags mail.Flags
	date  string
	UID   mail.UID
}

func newMemTarget(s *archivetest.MemReader) *memTarget {
	return &memTarget{Key: s.Key, Folders: map[string]*memFolder{}}
}

func (s *memTarget) Prepare(_ context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	var places []restore.Place
	for _, mailbox := range mailboxes {
		places = append(places, restore.Place{Mailbox: mailbox.Name, Name: mailbox.Name, Skip: s.Skip[mailbox.Name], Reason: s.Reason})
	}
	return places, []string{"a note"}, nil
}

func (s *memTarget) Open(_ context.Context, place restore.Place) (restore.Folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.Closed[place.Name]; err != nil {
		return nil, err
	}
	if s.Folders[place.Name] == nil {
		s.Folders[place.Name] = &memFolder{Target: s, name: place.Name}
	}
	return s.Folders[place.Name], nil
}

func (s *memTarget) Parallel() int   { return 6 }
func (s *memTarget) Close() error    { return nil }
func (s *memTarget) Unordered() bool { return s.Free }

func (b *memFolder) Missing(ctx context.Context, wanted []restore.Message) ([]int, error) {
	count := map[chunk.ID]int{}
	for _, held := range b.Held {
		count[held.Hash]++
	}
	if at, lost := b.Target.LoseAt[b.name]; lost && at < 0 {
		return nil, fmt.Errorf("%w: NO such mailbox", restore.ErrFolderLost)
	}
	var missing []int
	for i, w := range wanted {
		if b.Target.Verify {
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

func (b *memFolder) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	b.Target.mu.Lock()
	b.Target.calls++
	fail := b.Target.calls == b.Target.FailAt
	b.Target.Appended = append(b.Target.Appended, len(messages))
	b.Target.mu.Unlock()
	var fates []restore.AppendResult
	for i, w := range messages {
		if fail && i >= len(messages)/2 {
			return fates, errFull
		}
		if at, lost := b.Target.LoseAt[b.name]; lost && len(b.Held) >= at {
			return fates, fmt.Errorf("%w: NO such mailbox", restore.ErrFolderLost)
		}
		if b.Target.Refuse != nil {
			if err := b.Target.Refuse(w); err != nil {
				fates = append(fates, restore.AppendResult{Refused: err})
				continue
			}
		}
		var body bytes.Buffer
		if err := errors.Join(w.Body.Verify(ctx), w.Body.WriteTo(ctx, &body)); err != nil {
			return fates, err
		}
		b.Held = append(b.Held, appendedMessage{b.Target.Key.Sum(body.Bytes()), body.Bytes(), w.Flags, w.Internal.String(), w.UID})
		altered := b.Target.Alter != nil && b.Target.Alter(w)
		fates = append(fates, restore.AppendResult{Added: true, Changed: b.Target.Changed, Altered: altered})
	}
	return fates, nil
}

func (b *memFolder) BatchSize() (int, int64) { return b.Target.Messages, 0 }
func (b *memFolder) Close() error            { return nil }

// UIDs are what a folder holds, as they came.
func (b *memFolder) UIDs() []mail.UID {
	var uids []mail.UID
	for _, held := range b.Held {
		uids = append(uids, held.UID)
	}
	return uids
}

// Holds checks that a folder holds the letters and nothing else.
func (s *memTarget) Holds(t *testing.T, folder string, letters ...archivetest.Message) {
	t.Helper()
	held := slices.Clone(s.Folders[folder].Held)
	for _, l := range letters {
		i := slices.IndexFunc(held, func(a appendedMessage) bool {
			return bytes.Equal(a.Body, l.Body) && a.Flags.Equal(l.Flags) && a.date == l.Date
		})
		if i < 0 {
			t.Errorf("%s: UID %d (%d bytes) is not there, or not equal", folder, l.UID, len(l.Body))
			continue
		}
		held = slices.Delete(held, i, i+1)
	}
	if len(held) > 0 {
		t.Errorf("%s: %d messages too many", folder, len(held))
	}
}
