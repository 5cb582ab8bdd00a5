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
func (o *omitted) begin() {
	o.uids, o.bytes, o.newPages = mail.UIDSet{}, 0, make(map[chunk.ID][]byte)
}

// isErased reports whether a message was erased in the source, or in the target the record that was
// made of it before.
func (r *Rewriter) isErased(hash chunk.ID, made *manifest.Record) bool {
	return r.SourceErased.Message(hash) || made != nil && r.TargetErased.Message(made.Hash)
}

func (o *omitted) omit(record *manifest.Record) {
	o.uids.Add(record.UID)
	o.bytes += record.Size
}

// remember wraps put for a page that regroupErased reads again.
func (o *omitted) remember(put func([]byte) (chunk.ID, error)) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, err := put(data)
		o.newPages[id] = data
		return id, err
	}
}

// regroupErased makes the canonical pages for a mailbox that lost no message but had some erased.
// It reads few pages, so that each of many nights costs little.
func (r *Rewriter) regroupErased(
	ctx context.Context, mailbox *manifest.Mailbox, pages []manifest.Page,
) ([]manifest.Page, error) {
	load := func(id chunk.ID) ([]byte, error) {
		if data, ok := r.newPages[id]; ok {
			return data, nil
		}
		data, err := r.To.Chunk(ctx, id)
		if !errors.Is(err, repo.ErrNoChunk) {
			return data, err
		}
		if err := r.Writer.Flush(ctx); err != nil { // it may still be in a buffer
			return nil, err
		}
		return r.To.Chunk(ctx, id)
	}
	pages, err := manifest.Regroup(pages, load, r.put(ctx))
	if err != nil {
		return nil, err
	}
	mailbox.Bytes -= r.bytes
	return pages, mailbox.SetPages(pages, r.put(ctx))
}
