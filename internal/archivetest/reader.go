package archivetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// MemReader is an archive.ChunkReader of chunks in memory, some of which can be lost.
type MemReader struct {
	Key      chunk.Key
	cutter   *chunk.Cutter
	mu       sync.Mutex
	chunks   map[chunk.ID][]byte
	Lost     map[chunk.ID]error
	Reads    int
	FailAt   int  // the read that fails, as if the store were gone; 0: none
	FailOnce bool // only that read fails
}

var ErrStoreGone = errors.New("the store is gone")

// NewMemReader returns an empty MemReader.
func NewMemReader(t *testing.T) *MemReader {
	t.Helper()
	cutter, err := chunk.NewCutter(0x3DA3358B4DC173)
	if err != nil {
		t.Fatal(err)
	}
	return &MemReader{Key: chunk.Key{1}, cutter: cutter, chunks: map[chunk.ID][]byte{}, Lost: map[chunk.ID]error{}}
}

func (s *MemReader) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Reads++
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.FailAt > 0 && (s.Reads == s.FailAt || s.Reads > s.FailAt && !s.FailOnce) {
		return nil, ErrStoreGone
	}
	if err := s.Lost[id]; err != nil {
		return nil, err
	}
	data, ok := s.chunks[id]
	if !ok {
		return nil, fmt.Errorf("chunk %s: %w", id, repo.ErrNoChunk)
	}
	return data, nil
}

// Locate places chunks as if each stood in a frame and a pack of its own.
func (s *MemReader) Locate(_ context.Context, ids []chunk.ID) ([]repo.Location, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	places := make([]repo.Location, len(ids))
	for i, id := range ids {
		places[i] = repo.Location{Frame: repo.Frame{Pack: repo.Pack{Hash: id}}, Length: uint32(len(s.chunks[id]))}
	}
	return places, nil
}

func (s *MemReader) Prefetch(_ context.Context, frames []repo.Frame) (int, error) {
	return len(frames), nil
}

func (s *MemReader) Drop([]repo.Frame) {}

func (s *MemReader) Put(data []byte) (chunk.ID, error) {
	id := s.Key.Sum(data)
	s.chunks[id] = bytes.Clone(data)
	return id, nil
}

// Lose damages a chunk.
func (s *MemReader) Lose(id chunk.ID) { s.Lost[id] = fmt.Errorf("pack 3f9a: %w", repo.ErrDamaged) }

// Record stores a message as a backup does.
func (s *MemReader) Record(t *testing.T, l Message) manifest.Entry {
	t.Helper()
	entry := manifest.Entry{
		Record: manifest.Record{
			UID: l.UID, Size: int64(len(l.Body)), Hash: s.Key.Sum(l.Body), Internal: mail.ParseDate(l.Date),
		},
		FlagSet: manifest.FlagSet{Flags: l.Flags},
	}
	splitter := mail.NewSplitter(bytes.NewReader(l.Body))
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
			id, err := s.Put(data)
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
		entry.List, _ = s.Put(list)
		entry.Parts = nil
	}
	return entry
}

// Mailbox stores messages and returns their mailbox.
func (s *MemReader) Mailbox(t *testing.T, name string, letters ...Message) manifest.Mailbox {
	t.Helper()
	entries := make([]manifest.Entry, len(letters))
	for i, l := range letters {
		entries[i] = s.Record(t, l)
	}
	mailbox := s.Pages(t, name, entries)
	mailbox.Status = &mail.Status{UIDValidity: 1, UIDNext: 1 << 31, Messages: uint32(mailbox.Messages)}
	return mailbox
}

// PagesOf returns all pages of a mailbox.
func (s *MemReader) PagesOf(t *testing.T, mailbox *manifest.Mailbox) []manifest.Page {
	t.Helper()
	pages, err := mailbox.AllPages(func(id chunk.ID) ([]byte, error) { return s.Chunk(t.Context(), id) })
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// Contents makes a manifest of mailboxes.
func (s *MemReader) Contents(t *testing.T, mailboxes ...manifest.Mailbox) *archive.Contents {
	t.Helper()
	m := &manifest.Manifest{Account: "anna", State: manifest.Complete}
	if err := m.SetMailboxes(mailboxes, s.Put); err != nil {
		t.Fatal(err)
	}
	return archive.NewContents(m, s, s.Key.New)
}

// Pages makes a mailbox of entries.
func (s *MemReader) Pages(t *testing.T, name string, entries []manifest.Entry) manifest.Mailbox {
	t.Helper()
	m := manifest.Mailbox{Mailbox: mail.Mailbox{Raw: name, Name: name, Delimiter: "/"}}
	added := func(yield func(manifest.Entry, error) bool) {
		for _, entry := range entries {
			if !yield(entry, nil) {
				return
			}
		}
	}
	if err := m.Fill(nil, manifest.Changes{Added: added}, nil, s.Put); err != nil {
		t.Fatal(err)
	}
	return m
}
