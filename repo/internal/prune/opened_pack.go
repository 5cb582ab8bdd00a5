package prune

import (
	"context"

	"github.com/mailstrata/mailstrata/repo/census"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
)

// openedPack is a pack whose table was read. It is on this host whole if most of it is needed and
// undamaged, or its frames are read from the store.
type openedPack struct {
	frames []objects.Frame
	remote objects.ReadFrame // nil if local
	local  *format.Container
	file   *objects.File
	codec  *format.Codec
}

// openPack opens a pack from which to copy. Its table must be as the index has it.
func openPack(ctx context.Context, r Repository, s *census.Pack) (*openedPack, error) {
	p := &openedPack{codec: r.Codec}
	if s.MostlyWanted() {
		if err := p.download(ctx, r, s); err != nil && !objects.Concerns(err) {
			return nil, err
		}
	}
	var row format.PackRow
	var lanes []format.LaneRow
	if p.local != nil {
		row, lanes = format.DescribePack(p.local, s.Hash, int64(s.Size)), p.local.Table.Lanes
	} else {
		var err error
		if row, lanes, err = r.DescribePack(ctx, s.Pack(), int64(s.Size)); err != nil {
			return nil, err
		}
		p.remote = r.Reader()
	}
	if !row.Equal(&s.PackRow) {
		p.close()
		return nil, format.Damaged("the index describes it differently")
	}
	p.frames = objects.Frames(row, lanes)
	return p, nil
}

// download fetches the pack whole, by one request. If that finds damage, the frames that are needed
// may still be intact.
func (p *openedPack) download(ctx context.Context, r Repository, s *census.Pack) error {
	kind := format.PackKinds[s.Kind]
	id, err := r.Seals.Identity(kind)
	if err != nil {
		return err
	}
	file, err := r.Download(ctx, s.Name(), s.Hash)
	if err != nil {
		return err
	}
	plain, size, err := format.UnsealAt(format.HostFile{File: file.File}, int64(s.Size), id)
	if err == nil {
		p.local, err = r.Codec.OpenPack(plain, size, kind)
	}
	if err != nil {
		file.Close()
		return err
	}
	p.file = file
	return nil
}

// frame returns the content of frame i.
func (p *openedPack) frame(ctx context.Context, i int) ([]byte, error) {
	if p.local != nil {
		return p.local.Frame(i, p.codec.Decoder)
	}
	return p.remote(ctx, p.frames[i].Frame)
}

func (p *openedPack) close() {
	if p.file != nil {
		p.file.Close()
	}
}
