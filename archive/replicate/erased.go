package replicate

import (
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// erasedPair is what was erased in either repository. It is not copied. If the other repository has
// it, it stays there until its owner erases it.
type erasedPair struct {
	from, to *statement.Erasures
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
func (p *erasedPair) account(s archive.Summary) bool {
	_, here := p.from.Account(s.Head.Account)
	_, there := p.to.Account(p.target.AccountDir(s.Manifest.Account))
	return here || there
}
