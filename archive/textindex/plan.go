package textindex

import (
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Plan is what Bring would read for an index that is empty.
type Plan struct {
	Manifests int
	Messages  int64 // different ones
	Bytes     int64 // of these messages
	Fetched   int64 // about how much is fetched from the store, in bytes: the frames of headers and text
}

// Plan reads all manifests, and no mail, to say what an index would take. What cannot be read is
// left out.
func (x *Index) Plan(ctx context.Context) (Plan, error) {
	reader := archive.NewReader(x.repo)
	p := &planning{
		ctx: ctx, reader: reader, ahead: archive.NewLookahead(reader, nil, false),
		pieces: make(map[chunk.Prefix]struct{}), messages: make(map[chunk.Prefix]struct{}), frames: make(map[repo.Frame]struct{}),
	}
	for s, err := range p.ahead.Manifests(ctx, archive.Manifests(ctx, x.repo)) {
		if archive.EndsListing(ctx, s.Head, err) {
			return Plan{}, err
		}
		if err != nil {
			continue
		}
		p.Manifests++
		walk := archive.Walk{
			Contents: reader.Contents(s.Manifest), Ahead: p.ahead, Wants: p.wants, Records: p.records,
			Read: func(_ archive.Piece, read func() error) error { return archive.UnlessDamage(read()) },
		}
		if err := walk.Run(ctx); err != nil {
			return Plan{}, err
		}
	}
	p.locate()
	for frame := range p.frames {
		p.Fetched += int64(frame.Stored)
	}
	return p.Plan, ctx.Err()
}

type planning struct {
	Plan
	ctx      context.Context
	reader   *archive.Reader
	ahead    *archive.Lookahead
	pieces   map[chunk.Prefix]struct{} // that were read
	messages map[chunk.Prefix]struct{}
	chunks   []chunk.ID // that are to be located
	frames   map[repo.Frame]struct{}
}

// locatedAtOnce is how many chunks are located at once.
const locatedAtOnce = 16 << 10

func (p *planning) wants(piece archive.Piece) (bool, error) {
	if _, known := p.pieces[piece.ID.Prefix()]; known || piece.Kind.Leaf() {
		return false, nil
	}
	p.pieces[piece.ID.Prefix()] = struct{}{}
	return true, nil
}

func (p *planning) records(_ archive.Piece, records []manifest.Record) error {
	each := archive.PiecesAhead(p.ctx, p.reader, inorder.Slice(pointers(records)), func(r *manifest.Record) []chunk.ID {
		if r.List.IsZero() {
			return nil
		}
		return []chunk.ID{r.List}
	})
	for r := range each {
		if _, known := p.messages[r.Hash.Prefix()]; known {
			continue
		}
		p.messages[r.Hash.Prefix()] = struct{}{}
		p.Messages++
		p.Bytes += r.Size
		parts, err := r.PartList(func(id chunk.ID) ([]byte, error) { return p.reader.Chunk(p.ctx, id) })
		if err := archive.UnlessDamage(err); err != nil {
			return err
		}
		for _, part := range parts {
			if part.Kind != mail.Base64Part {
				p.chunks = append(p.chunks, part.Chunks...)
			}
		}
	}
	if len(p.chunks) >= locatedAtOnce {
		p.locate()
	}
	return nil
}

// locate notes the frames of chunks.
func (p *planning) locate() {
	for _, place := range archive.Locations(p.ctx, p.reader, p.chunks) {
		p.frames[place.Frame] = struct{}{}
	}
	p.chunks = p.chunks[:0]
}

func pointers(records []manifest.Record) []*manifest.Record {
	all := make([]*manifest.Record, len(records))
	for i := range records {
		all[i] = &records[i]
	}
	return all
}
