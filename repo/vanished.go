package repo

import (
	"context"
	"iter"
)

// Vanished returns a Head of the newest manifest that this host remembers, if the repository has no
// manifests at all, and that one was neither forgotten nor erased: somebody without an owner's key
// removed it, or the store lost it or was reset. Only what the name says is set; otherwise the Name
// is empty. While any manifest is left, it returns none: a backup looks for the one that it wrote
// of its account (Run.Lost).
func (r *Repo) Vanished(ctx context.Context) (newest Head, err error) {
	names, err := r.access.Pin().All()
	if err != nil || len(names) == 0 {
		return Head{}, err
	}
	next, stop := iter.Pull2(r.EveryManifest(ctx))
	_, err, any := next()
	if stop(); any {
		return Head{}, err
	}
	marks, err := r.Marks(ctx)
	if err != nil {
		return Head{}, err
	}
	erasures, err := r.Erasures(ctx)
	if err != nil {
		return Head{}, err
	}
	for _, name := range names {
		h, ok := ParseManifest(name)
		if !ok || !h.Time.After(newest.Time) {
			continue
		}
		_, marked := marks[name]
		if _, erased := erasures.Account(h.Account); !marked && !erased {
			newest = h
		}
	}
	return newest, nil
}
