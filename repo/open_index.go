package repo

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
)

// openIndex returns the index, which is read when it is needed first.
func (r *Repo) openIndex(ctx context.Context) (*index.Index, error) {
	r.indexOnce.Lock()
	defer r.indexOnce.Unlock()
	if r.index != nil {
		return r.index, nil
	}
	x, err := index.Open(ctx, index.Options{Store: r.store, Codec: r.codec, Identity: r.seals.writer, Source: indexSource{r}})
	if err != nil {
		return nil, err
	}
	r.index = x
	return x, nil
}

// indexSource is what the index asks of the repository.
type indexSource struct{ r *Repo }

func (s indexSource) IndexDir() string { return s.r.cache.indexes() }

func (s indexSource) WriteCache(write func() error) error { return s.r.cache.do(write) }

func (s indexSource) ManifestRead() time.Time { return time.Unix(0, s.r.manifestRead.Load()) }

func (s indexSource) OpenSegment(ctx context.Context, name string, hash [32]byte) (*format.Segment, func(), error) {
	return s.r.fetchSegment(ctx, name, hash)
}

func (s indexSource) EachPack(ctx context.Context, use func(p format.Pack, size int64) error) error {
	return s.r.eachPack(ctx, use)
}

func (s indexSource) DescribePack(ctx context.Context, p format.Pack, size int64) (format.PackRow, []format.LaneRow, error) {
	return s.r.inspectPack(ctx, p, size, false, new(Checked))
}

// IndexProblems names the index segments that could not be read, and the packs that were needed and that no other segment
// names, as far as the index was needed. Backup and restore do without: what no segment names is stored again, or found
// in the packs themselves.
func (r *Repo) IndexProblems() []Problem {
	r.indexOnce.Lock()
	defer r.indexOnce.Unlock()
	if r.index == nil {
		return nil
	}
	var all []Problem
	for _, f := range r.index.Faults() {
		all = append(all, Problem{Kind: Broken, Object: f.Object, Err: f.Err})
	}
	return all
}
