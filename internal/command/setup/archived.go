package setup

import (
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/repo"
)

// archived is an account of a repository.
type archived struct {
	account string // its name there
	source  string // its URL, without secrets
}

// archivedIn returns the accounts that a repository has backups of.
func archivedIn(ctx context.Context, r *repo.Repo) (accounts []archived, err error) {
	newest, err := archive.Latest(ctx, r)
	for _, contents := range newest {
		accounts = append(accounts, archived{contents.Manifest.Account, contents.Manifest.Source})
	}
	return accounts, err
}
