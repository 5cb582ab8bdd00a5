package rewrite

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// omitted holds what a recasting leaves out because it was erased, in the source or in the target. That is not a loss: the
// mailbox names the UIDs, and stays complete.
type omitted struct {
	uids     mail.UIDSet
	bytes    int64               // of these messages
	newPages map[chunk.ID][]byte // pages with messages left out, which may not be in the store yet
}

// begin starts a mailbox.
func (e *omitted) begin() {
	e.uids, e.bytes, e.newPages = mail.UIDSet{}, 0, make(map[chunk.ID][]byte)
}

// isErased reports whether a message of the old manifest was erased, or the record that was made of it before.
func (e *Rewriter) isErased(hash chunk.ID, made *manifest.Record) bool {
	return e.SourceErased.Message(hash) || made != nil && e.TargetErased.Message(made.Hash)
}

func (e *omitted) omit(record *manifest.Record) {
	e.uids.Add(record.UID)
	e.bytes += record.Size
}

// remember wraps put for a page that is about to be read again.
func (e *omitted) remember(put func([]byte) (chunk.ID, error)) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, err := put(data)
		e.newPages[id] = data
		return id, err
	}
}

// regroupErased regroups the pages of a mailbox that lost no message and had some erased, so that they are cut as the format wants
// for the messages that are left. It reads few pages, so that each of many nights costs little.
func (c *Rewriter) regroupErased(ctx context.Context, recast *manifest.Mailbox, pages []manifest.Page) ([]manifest.Page, error) {
	load := func(id chunk.ID) ([]byte, error) {
		if data, ok := c.newPages[id]; ok {
			return data, nil
		}
		data, err := c.To.Chunk(ctx, id)
		if !errors.Is(err, repo.ErrNoChunk) {
			return data, err
		}
		if err := c.Writer.Flush(ctx); err != nil { // it may still be in a buffer
			return nil, err
		}
		return c.To.Chunk(ctx, id)
	}
	pages, err := manifest.Regroup(pages, load, c.put(ctx))
	if err != nil {
		return nil, err
	}
	recast.Bytes -= c.bytes
	return pages, recast.SetPages(pages, c.put(ctx))
}
