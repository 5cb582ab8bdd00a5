package rewrite

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// omitted is what a Rewriter left out of the present mailbox because it was erased, in the source
// or in the target. That is not a loss: the mailbox names the UIDs, and stays complete.
type omitted struct {
	uids     mail.UIDSet
	bytes    int64               // of these messages
	newPages map[chunk.ID][]byte // pages without some messages, which may not be in the store yet
}

// begin starts a mailbox.
func (e *omitted) begin() {
	e.uids, e.bytes, e.newPages = mail.UIDSet{}, 0, make(map[chunk.ID][]byte)
}

// isErased reports whether a message was erased in the source, or in the target the record that was
// made of it before.
func (w *Rewriter) isErased(hash chunk.ID, made *manifest.Record) bool {
	return w.SourceErased.Message(hash) || made != nil && w.TargetErased.Message(made.Hash)
}

func (e *omitted) omit(record *manifest.Record) {
	e.uids.Add(record.UID)
	e.bytes += record.Size
}

// remember wraps put for a page that regroupErased reads again.
func (e *omitted) remember(put func([]byte) (chunk.ID, error)) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, err := put(data)
		e.newPages[id] = data
		return id, err
	}
}

// regroupErased makes the canonical pages for a mailbox that lost no message but had some erased.
// It reads few pages, so that each of many nights costs little.
func (w *Rewriter) regroupErased(ctx context.Context, mailbox *manifest.Mailbox, pages []manifest.Page) ([]manifest.Page, error) {
	load := func(id chunk.ID) ([]byte, error) {
		if data, ok := w.newPages[id]; ok {
			return data, nil
		}
		data, err := w.To.Chunk(ctx, id)
		if !errors.Is(err, repo.ErrNoChunk) {
			return data, err
		}
		if err := w.Writer.Flush(ctx); err != nil { // it may still be in a buffer
			return nil, err
		}
		return w.To.Chunk(ctx, id)
	}
	pages, err := manifest.Regroup(pages, load, w.put(ctx))
	if err != nil {
		return nil, err
	}
	mailbox.Bytes -= w.bytes
	return pages, mailbox.SetPages(pages, w.put(ctx))
}
