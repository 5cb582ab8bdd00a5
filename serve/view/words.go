package view

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/internal/turns"
)

// Index says how to use the index of words that this host has of a repository.
type Index struct {
	Documents extract.Documents                // reads attachments that are new to it; may be nil
	Log       func(format string, args ...any) // gets a line for what goes wrong
}

// lockedIndex is an Index with its lock: searches open the index one after the other, because each
// takes memory for it.
type lockedIndex struct {
	Index
	busy turns.Turns
}

// UseIndex makes List.Find use the index of this host. It must be called before the first login.
func (a *Archive) UseIndex(x Index) { a.index = &lockedIndex{x, turns.New(1)} }

// Words opens the index, brought up to date, and calls do. It does nothing if this host has no
// index, or if UseIndex was not called.
func (a *Archive) Words(ctx context.Context, do func(*textindex.Index, *textindex.Live) error) (used bool, err error) {
	if a.index == nil || !textindex.Exists(a.repo) {
		return false, nil
	}
	end, err := a.index.busy.Take(ctx)
	if err != nil {
		return false, err
	}
	defer end()
	x, dropped, err := textindex.Open(ctx, a.repo)
	if err != nil {
		return false, err
	}
	defer x.Close()
	if dropped {
		return false, errDropped // to build it again takes longer than a client waits
	}
	x.Documents = a.index.Documents
	live, _, err := x.Bring(ctx)
	if err != nil {
		return false, err
	}
	return true, do(x, live)
}

var errDropped = errors.New("it was damaged, or made with other keys or by another version, and is dropped")

// Matches are the messages of an archive that match a query of words.
type Matches struct{ hashes []uint64 } // short, sorted

// Has reports whether a message is among them.
func (m Matches) Has(r *manifest.Record) bool {
	_, ok := slices.BinarySearch(m.hashes, short(r.Hash))
	return ok
}

// Empty reports whether no message matches.
func (m Matches) Empty() bool { return len(m.hashes) == 0 }

func match(ctx context.Context, x *textindex.Index, q *words.Query) (m Matches, err error) {
	for hash, err := range x.Matching(ctx, q) {
		if err != nil {
			return m, err
		}
		m.hashes = append(m.hashes, short(hash))
	}
	slices.Sort(m.hashes)
	return m, nil
}

// Find returns the messages that match each of the queries, by the index. It returns nil if no
// index exists, if it cannot be used, or if it does not have what the list has.
func (l *List) Find(ctx context.Context, queries []*words.Query) (found []Matches, err error) {
	known := false
	used, err := l.archive.Words(ctx, func(x *textindex.Index, live *textindex.Live) error {
		if known = live.Has(l.contents.Head); !known {
			return nil
		}
		for _, q := range queries {
			matches, err := match(ctx, x, q)
			if err != nil {
				return err
			}
			found = append(found, matches)
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		l.archive.index.Log("the index of words cannot be used: %v", err)
		return nil, nil
	case !used || !known:
		return nil, nil
	}
	return found, nil
}
