package rewrite

import (
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/repo"
)

// histories are the manifests of the two names of a rename, before it begins.
type histories struct {
	old, new []archive.Summary // manifests that are not marked
	unread   []repo.Head       // of the old name
	known    map[[32]byte]bool // hashes of all manifests of the old name, also of those that were deleted
	linked   bool              // the new name has manifests with the content of manifests of the old one
	begun    bool              // some of these are not marked, so a rename was interrupted
}

func (r *renamer) histories(ctx context.Context) (*histories, error) {
	h := &histories{known: make(map[[32]byte]bool)}
	times := make(map[int64]bool) // of all manifests of the old name
	dir := r.repo.AccountDir(r.from)
	marks, err := r.repo.Marks(ctx)
	if err != nil {
		return nil, err
	}
	for name := range marks {
		if head, ok := repo.ParseManifest(name); ok && head.Account == dir {
			h.known[head.ID], times[head.Time.UnixMilli()] = true, true
		}
	}
	read := func(account string, list *[]archive.Summary) error {
		for head, err := range r.repo.AccountManifests(ctx, account) {
			if err != nil {
				return err
			}
			if head.Marked {
				continue
			}
			m, err := archive.ReadManifest(ctx, r.repo, head)
			if err == nil {
				*list = append(*list, archive.Summary{Head: head, Manifest: m})
			} else if ctx.Err() != nil || !archive.IsDamage(err) {
				return err
			} else if account == r.from {
				h.unread = append(h.unread, head)
			}
		}
		return nil
	}
	if err := read(r.from, &h.old); err != nil {
		return nil, err
	}
	if err := read(r.to, &h.new); err != nil {
		return nil, err
	}
	unmarked := make(map[content]bool)
	for _, s := range h.old {
		h.known[s.Head.ID], times[s.Head.Time.UnixMilli()], unmarked[contentOf(s)] = true, true, true
	}
	for _, s := range h.new {
		if origin := s.Manifest.Origin; origin != [32]byte{} {
			h.linked = h.linked || h.known[origin] || times[s.Head.Time.UnixMilli()]
			h.begun = h.begun || unmarked[contentOf(s)]
		}
	}
	return h, nil
}

// continues reports whether the new name has the history of the old one. Either a rename was
// interrupted, or everything that is left under the old name has a renamed parent, such as the
// manifest of a backup that was running.
func (h *histories) continues() bool {
	if h.begun {
		return true
	}
	for _, s := range h.old {
		if !h.known[s.Manifest.Parent] {
			return false
		}
	}
	return h.linked
}
