package archive

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Prune deletes what no manifest needs, as repo.Repo.Prune does. It follows every manifest down to
// the chunks of its messages, and what several manifests share once. It does not read messages.
func Prune(ctx context.Context, r *repo.Repo, o repo.PruneOptions) (*repo.PruneReport, error) {
	reader := NewReader(r)
	w := &reachability{repo: r, reader: reader, ahead: NewLookahead(reader, nil, false)}
	if o.Erased != nil {
		erasures, err := r.Erasures(ctx)
		if err != nil {
			return nil, err
		}
		w.erasures, w.erased = erasures, o.Erased
	}
	return r.Prune(ctx, o, w.follow)
}

// reachability follows manifests to chunks. It stops at the first piece that cannot be read,
// because the piece may refer to any chunk.
type reachability struct {
	repo   *repo.Repo
	reader *Reader
	ahead  *Lookahead

	erasures *statement.Erasures
	erased   func(repo.Head) // called with each manifest that is kept and holds what was erased; may be nil
	holds    bool            // the present manifest holds what was erased
}

// follow follows manifests, as repo.Walk. It reads several ahead.
func (r *reachability) follow(
	ctx context.Context, roots []repo.Head, reach repo.Reach, done func(repo.Head, error) error,
) error {
	for root, err := range r.ahead.Manifests(ctx, inorder.Map(ctx, readAhead, inorder.Slice(roots), r.read)) {
		if err == nil {
			err = r.root(ctx, root.Head, root.Manifest, reach)
		}
		if err := done(root.Head, err); err != nil {
			return err
		}
	}
	return nil
}

// read reads a manifest, whatever its name says.
func (r *reachability) read(ctx context.Context, head repo.Head) (Summary, error) {
	content, err := r.repo.Root(ctx, head)
	if err != nil {
		return Summary{Head: head}, err
	}
	m, err := manifest.Parse(content)
	if err != nil {
		err = fmt.Errorf("%s: %w", head.Name, err)
	}
	return Summary{head, m}, err
}

// root follows a manifest.
func (r *reachability) root(ctx context.Context, head repo.Head, m *manifest.Manifest, reach repo.Reach) error {
	_, r.holds = r.erasures.Account(head.Account)
	walk := Walk{
		Contents: r.reader.Contents(m),
		Ahead:    r.ahead,
		Wants: func(p Piece) (bool, error) {
			first, err := reach(p.ID, likeness(head.Account, p))
			return first && !p.Kind.Leaf(), err
		},
		Read: func(_ Piece, read func() error) error { return read() },
	}
	walk.Records = func(_ Piece, records []manifest.Record) error {
		return r.records(records, reach, walk.Contents.Load(ctx))
	}
	walk.Items = func(_ Piece, items []manifest.Item) error {
		return r.items(items, reach, walk.Contents.Load(ctx))
	}
	err := walk.Run(ctx)
	if r.holds && r.erased != nil && !head.Marked {
		r.erased(head)
	}
	// If it was stored after its deadline, it was never committed, and chunks may have been
	// removed.
	if head.Stored.After(m.Deadline) && (errors.Is(err, repo.ErrNoChunk) || errors.Is(err, store.ErrNotExist)) {
		err = fmt.Errorf("it was stored after its deadline and does not count, but blocks prune until a day after you forget it: %w", err)
	}
	return err
}

// records reaches the chunks of messages, and of their lists of parts.
func (r *reachability) records(records []manifest.Record, reach repo.Reach, load func(chunk.ID) ([]byte, error)) error {
	for i := range records {
		record := &records[i]
		r.holds = r.holds || r.erasures.Message(record.Hash)
		if !record.List.IsZero() {
			first, err := reach(record.List, 0)
			if err != nil {
				return err
			}
			if !first {
				continue
			}
		}
		parts, err := record.PartList(load)
		if err != nil {
			return err
		}
		for _, part := range parts {
			for _, id := range part.Chunks {
				if _, err := reach(id, 0); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// items reaches the chunks of items, and the lists of them.
func (r *reachability) items(items []manifest.Item, reach repo.Reach, load func(chunk.ID) ([]byte, error)) error {
	for i := range items {
		if list := items[i].List; !list.IsZero() {
			if first, err := reach(list, 0); err != nil {
				return err
			} else if !first {
				continue
			}
		}
		ids, err := items[i].ChunkList(load)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := reach(id, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// likeness returns the number that all versions of a piece share: those of a page begin at the same
// UID of the same mailbox.
func likeness(account string, p Piece) uint64 {
	var h maphash.Hash
	h.SetSeed(likenessSeed)
	for _, name := range []string{account, string(p.Kind), p.Mailbox.Raw, p.Collection} {
		h.WriteString(name)
		h.WriteByte(0)
	}
	maphash.WriteComparable(&h, [2]uint32{p.Mailbox.UIDValidity(), p.Place})
	return h.Sum64()
}

var likenessSeed = maphash.MakeSeed()
