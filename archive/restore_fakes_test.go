package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// shelf is a chunkReader of chunks in memory, some of which can be lost.
type shelf struct {
	key     chunk.Key
	cutter  *chunk.Cutter
	mu      sync.Mutex
	chunks  map[chunk.ID][]byte
	lost    map[chunk.ID]error
	reads   int
	failing int  // the read that fails, as if the store were gone; 0: none
	healing bool // only that read fails
}

var errGone = errors.New("the store is gone")

func newShelf(t *testing.T) *shelf {
	t.Helper()
	cutter, err := chunk.NewCutter(0x3DA3358B4DC173)
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{key: chunk.Key{1}, cutter: cutter, chunks: map[chunk.ID][]byte{}, lost: map[chunk.ID]error{}}
}

func (s *shelf) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.failing > 0 && (s.reads == s.failing || s.reads > s.failing && !s.healing) {
		return nil, errGone
	}
	if err := s.lost[id]; err != nil {
		return nil, err
	}
	data, ok := s.chunks[id]
	if !ok {
		return nil, fmt.Errorf("chunk %s: %w", id, repo.ErrNoChunk)
	}
	return data, nil
}

// Locate places chunks as if each stood in a frame and a pack of its own.
func (s *shelf) Locate(_ context.Context, ids []chunk.ID) ([]repo.Location, error) {
	places := make([]repo.Location, len(ids))
	for i, id := range ids {
		places[i].Frame = repo.Frame{Pack: repo.Pack{Hash: id}}
	}
	return places, nil
}

func (s *shelf) Prefetch(context.Context, []repo.Frame) error { return nil }

func (s *shelf) put(data []byte) (chunk.ID, error) {
	id := s.key.Sum(data)
	s.chunks[id] = bytes.Clone(data)
	return id, nil
}

// lose damages a chunk.
func (s *shelf) lose(id chunk.ID) { s.lost[id] = fmt.Errorf("pack 3f9a: %w", repo.ErrDamaged) }

// letter is a message of a test.
type letter struct {
	uid   mail.UID
	body  []byte
	flags mail.Flags
	date  string
}

// record stores a message as a backup does.
func (s *shelf) record(t *testing.T, l letter) manifest.Entry {
	t.Helper()
	entry := manifest.Entry{
		Record:  manifest.Record{UID: l.uid, Size: int64(len(l.body)), Hash: s.key.Sum(l.body), Internal: mail.ParseDate(l.date)},
		FlagSet: manifest.FlagSet{Flags: l.flags},
	}
	splitter := mail.NewSplitter(bytes.NewReader(l.body))
	for {
		part, err := splitter.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept := manifest.Part{Kind: part.Kind()}
		err = s.cutter.Cut(part, func(data []byte) error {
			id, err := s.put(data)
			kept.Chunks = append(kept.Chunks, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		kept.Recipe = part.Recipe()
		entry.Parts = append(entry.Parts, kept)
	}
	if manifest.NeedsList(entry.Parts) {
		list, err := manifest.EncodeParts(entry.Parts)
		if err != nil {
			t.Fatal(err)
		}
		entry.List, _ = s.put(list)
		entry.Parts = nil
	}
	return entry
}

// mailbox stores a mailbox.
func (s *shelf) mailbox(t *testing.T, name string, letters ...letter) manifest.Mailbox {
	t.Helper()
	mailbox := manifest.Mailbox{Mailbox: mail.Mailbox{Raw: name, Name: name, Delimiter: "/"}}
	paginator := manifest.NewPaginator(s.put)
	for _, l := range letters {
		entry := s.record(t, l)
		mailbox.Bytes += entry.Size
		if err := paginator.Add(entry); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := paginator.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := mailbox.SetPages(pages, s.put); err != nil {
		t.Fatal(err)
	}
	mailbox.Status = &mail.Status{UIDValidity: 1, UIDNext: 1 << 31, Messages: uint32(mailbox.Messages)}
	return mailbox
}

// contents makes a manifest of mailboxes.
func (s *shelf) contents(t *testing.T, mailboxes ...manifest.Mailbox) *Contents {
	t.Helper()
	m := &manifest.Manifest{Account: "anna", State: manifest.Complete}
	if err := m.SetMailboxes(mailboxes, s.put); err != nil {
		t.Fatal(err)
	}
	return newContents(m, s, s.key.New)
}

// shore is a Target in memory.
type shore struct {
	key      chunk.Key
	mu       sync.Mutex
	folders  map[string]*beach
	refuse   func(Wanted) error
	alter    func(Wanted) bool // the bytes
	changed  []string          // what is changed of each message
	skip     map[string]bool
	closed   map[string]error // folders that cannot be opened
	calls    int
	failAt   int // the call of Append that fails after half of its messages; 0: none
	verify   bool
	messages int // of a batch
	bytes    int64
	appended []int // sizes of batches
	free     bool  // takes messages in any order
}

var errFull = errors.New("no space left on device")

// beach is a folder of a shore.
type beach struct {
	shore *shore
	held  []arrived
}

type arrived struct {
	hash  chunk.ID
	body  []byte
	flags mail.Flags
	date  string
	uid   mail.UID
}

func newShore(s *shelf) *shore { return &shore{key: s.key, folders: map[string]*beach{}} }

func (s *shore) Prepare(_ context.Context, mailboxes []mail.Mailbox) ([]Place, []string, error) {
	var places []Place
	for _, mailbox := range mailboxes {
		places = append(places, Place{Mailbox: mailbox.Name, Name: mailbox.Name, Skip: s.skip[mailbox.Name]})
	}
	return places, []string{"a note"}, nil
}

func (s *shore) Open(_ context.Context, place Place) (Folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.closed[place.Name]; err != nil {
		return nil, err
	}
	if s.folders[place.Name] == nil {
		s.folders[place.Name] = &beach{shore: s}
	}
	return s.folders[place.Name], nil
}

func (s *shore) Parallel() int   { return 3 }
func (s *shore) Close() error    { return nil }
func (s *shore) Unordered() bool { return s.free }

func (b *beach) Missing(ctx context.Context, wanted []Wanted) ([]int, error) {
	count := map[chunk.ID]int{}
	for _, held := range b.held {
		count[held.hash]++
	}
	var missing []int
	for i, w := range wanted {
		if b.shore.verify {
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

func (b *beach) Append(ctx context.Context, messages []Wanted) ([]Fate, error) {
	b.shore.mu.Lock()
	b.shore.calls++
	fail := b.shore.calls == b.shore.failAt
	b.shore.appended = append(b.shore.appended, len(messages))
	b.shore.mu.Unlock()
	var fates []Fate
	for i, w := range messages {
		if fail && i >= len(messages)/2 {
			return fates, errFull
		}
		if b.shore.refuse != nil {
			if err := b.shore.refuse(w); err != nil {
				fates = append(fates, Fate{Refused: err})
				continue
			}
		}
		var body bytes.Buffer
		if err := errors.Join(w.Body.Verify(ctx), w.Body.WriteTo(ctx, &body)); err != nil {
			return fates, err
		}
		b.held = append(b.held, arrived{b.shore.key.Sum(body.Bytes()), body.Bytes(), w.Flags, w.Internal.String(), w.UID})
		altered := b.shore.alter != nil && b.shore.alter(w)
		fates = append(fates, Fate{Added: true, Changed: b.shore.changed, Altered: altered})
	}
	return fates, nil
}

func (b *beach) BatchSize() (int, int64) { return b.shore.messages, b.shore.bytes }
func (b *beach) Close() error            { return nil }

// uids are what a folder holds, as they came.
func (b *beach) uids() []mail.UID {
	var uids []mail.UID
	for _, held := range b.held {
		uids = append(uids, held.uid)
	}
	return uids
}

// holds checks that a folder holds the letters and nothing else.
func (s *shore) holds(t *testing.T, folder string, letters ...letter) {
	t.Helper()
	held := slices.Clone(s.folders[folder].held)
	for _, l := range letters {
		i := slices.IndexFunc(held, func(a arrived) bool {
			return bytes.Equal(a.body, l.body) && a.flags.Equal(l.flags) && a.date == l.date
		})
		if i < 0 {
			t.Errorf("%s: UID %d (%d bytes) is not there, or not equal", folder, l.uid, len(l.body))
			continue
		}
		held = slices.Delete(held, i, i+1)
	}
	if len(held) > 0 {
		t.Errorf("%s: %d messages too many", folder, len(held))
	}
}
