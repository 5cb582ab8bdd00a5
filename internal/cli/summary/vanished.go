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

// Hidden says so if a run found manifests only as older versions (repo.HiddenManifests); "": none.
func Hidden(r *repo.Repo) string {
	n := r.HiddenManifests()
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("somebody deleted or replaced %s in the bucket, which kept the older versions: "+
		"these are read, so nothing is lost yet. Take away the right to delete there; "+
		"mailstrata check names what is hidden, and %s", ui.Plural(n, "manifest"), shownAgainBy(r))
}

// shownAgainBy says what shows hidden objects again. Without Object Lock, nobody knows what was
// hidden and what prune deleted, so mailstrata repair hidden refuses.
func shownAgainBy(r *repo.Repo) string {
	if r.Lock() == nil {
		return "a tool of the bucket's provider brings the versions of a date back"
	}
	return "mailstrata repair hidden shows it again"
}
