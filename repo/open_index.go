package repo

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/store"
)

// openIndex returns the index, which is read when it is needed first.
func (r *Repo) openIndex(ctx context.Context) (*index.Index, error) {
	r.indexOnce.Lock()
	defer r.indexOnce.Unlock()
	if r.index != nil {
		return r.index, nil
	}
	x, err := index.Open(ctx, index.Options{Store: r.store, Codec: r.codec, Identity: r.seals.writer, Repository: indexRepository{r}})
	if err != nil {
		return nil, err
	}
	r.index = x
	return x, nil
}

// indexRepository is what the index asks of the repository, as index.Repository.
type indexRepository struct{ r *Repo }

func (x indexRepository) IndexDir() string { return x.r.cache.indexes() }

func (x indexRepository) WriteCache(write func() error) error { return x.r.cache.do(write) }

func (x indexRepository) ManifestRead() time.Time { return time.Unix(0, x.r.manifestRead.Load()) }

func (x indexRepository) OpenSegment(ctx context.Context, name string, hash [32]byte) (*format.Segment, func(), error) {
	return x.r.fetchSegment(ctx, name, hash)
}

func (x indexRepository) EachPack(ctx context.Context, use func(p format.Pack, size int64) error) error {
	return x.r.eachPack(ctx, func(p format.Pack, o store.Object) error { return use(p, o.Size) })
}

func (x indexRepository) DescribePack(ctx context.Context, p format.Pack, size int64) (format.PackRow, []format.LaneRow, error) {
	return x.r.inspectPack(ctx, p, size, false, new(Checked))
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
