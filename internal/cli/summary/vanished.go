package summary

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Vanished says so if a repository has no manifests although this host has seen some
// (repo.Vanished).
func Vanished(ctx context.Context, r *repo.Repo) (text string, err error) {
	newest, err := r.Vanished(ctx)
	if err != nil || newest.Name == "" {
		return "", err
	}
	return fmt.Sprintf("all manifests are gone: this host knows %s of %s, and nobody forgot it; "+
		"somebody removed them, or the store lost them or was reset to an earlier time", ShortID(newest), ui.Time(newest.Time)), nil
}
