package archive

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// erasing is what a recasting leaves out because it was erased, in the repository that is read or in the one that is
// written to. It is no loss: the mailbox names the UIDs, and stays complete.
type erasing struct {
	here   *repo.Erasures           // of the repository that is read
	there  *repo.Erasures           // of the one that is written to; keep gives repo.ErrErased, too
	stands func(manifest.Page) bool // whether a page can stand as it is, unread; nil: none can

	// of the mailbox at hand
	left  mail.UIDSet
	bytes int64               // of these messages
	fresh map[chunk.ID][]byte // pages that messages were left out of, which are not in the store yet
}

// begin begins with a mailbox.
func (e *erasing) begin() {
	e.left, e.bytes, e.fresh = mail.UIDSet{}, 0, make(map[chunk.ID][]byte)
}

// isErased asks of a message of the old manifest, and of what was made of it before, if it was.
func (e *erasing) isErased(hash chunk.ID, made *manifest.Record) bool {
	return e.here.Message(hash) || made != nil && e.there.Message(made.Hash)
}

func (e *erasing) leaveOut(record *manifest.Record) {
	e.left.Add(record.UID)
	e.bytes += record.Size
}

// remember is put of a page that is about to be read again.
func (e *erasing) remember(put func([]byte) (chunk.ID, error)) func([]byte) (chunk.ID, error) {
	return func(data []byte) (chunk.ID, error) {
		id, err := put(data)
		e.fresh[id] = data
		return id, err
	}
}

// closeUp makes the pages of a mailbox of which messages were erased, and none was lost, the right ones for those that are
// left. Few of them are read, so that each of many nights costs little.
func (c *recasting) closeUp(ctx context.Context, recast *manifest.Mailbox, pages []manifest.Page) ([]manifest.Page, error) {
	load := func(id chunk.ID) ([]byte, error) {
		if data, ok := c.fresh[id]; ok {
			return data, nil
		}
		data, err := c.to.Chunk(ctx, id)
		if !errors.Is(err, repo.ErrNoChunk) {
			return data, err
		}
		if err := c.writer.Flush(ctx); err != nil { // it was put just now
			return nil, err
		}
		return c.to.Chunk(ctx, id)
	}
	pages, err := manifest.Regroup(pages, load, c.put(ctx))
	if err != nil {
		return nil, err
	}
	recast.Bytes -= c.bytes
	return pages, recast.SetPages(pages, c.put(ctx))
}
