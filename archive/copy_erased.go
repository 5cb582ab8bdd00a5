package archive

import (
	"context"

	"github.com/mailstrata/mailstrata/repo"
)

// erasedPair is what was erased in either repository of a copying. Neither sends what it erased, and neither takes it. The
// other one's own copies are its owner's to erase.
type erasedPair struct {
	from, to *repo.Erasures
	target   *repo.Repo
}

func newErasedPair(ctx context.Context, o CopyOptions) (*erasedPair, error) {
	from, err := o.From.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	to, err := o.To.Erasures(ctx)
	return &erasedPair{from, to, o.To}, err
}

// account reports whether the account of a manifest was erased.
func (p *erasedPair) account(s Summary) bool {
	_, here := p.from.Account(s.Head.Account)
	_, there := p.to.Account(p.target.AccountDir(s.Manifest.Account))
	return here || there
}
