package view

import (
	"context"

	"github.com/mailstrata/mailstrata/repo"
)

// Usage is the space that a repository takes in its store.
type Usage struct {
	Place string // see Archive
	repo.Usage
}

// Usage lists the stores and adds up the sizes of their objects.
func (all Archives) Usage(ctx context.Context) (list []Usage, err error) {
	for _, a := range all {
		u, err := a.repo.Usage(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, Usage{a.Place, u})
	}
	return list, nil
}
