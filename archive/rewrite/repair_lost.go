package rewrite

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// RepairLost repairs the newest manifest of each account, and the newest complete one, so that the
// next backup requests what was lost. Call it after Repo.RepairPacks, which condemns damaged packs.
// It trusts that what counts as stored can be read: it reads only pages, and chunks that no longer
// count, which it stores again. It may write a manifest without messages, because RepairPacks has
// read each pack that it condemned. It calls done for each manifest that it repaired.
func RepairLost(ctx context.Context, r *repo.Repo, done func(archive.Summary, Repaired)) error {
	newest, complete := make(map[string]bool), make(map[string]bool)
	var wanted []archive.Summary
	for s, err := range archive.Manifests(ctx, r) {
		switch {
		case archive.EndsListing(ctx, s.Head, err):
			return err
		case err != nil:
			continue
		}
		account := s.Manifest.Account
		whole := s.Manifest.State == manifest.Complete
		if !newest[account] || whole && !complete[account] {
			wanted = append(wanted, s)
		}
		newest[account] = true
		complete[account] = complete[account] || whole
	}
	for _, s := range wanted {
		repaired, err := Repair(ctx, r, s.Head, RepairOptions{Stored: true, Empty: true})
		if err != nil {
			return fmt.Errorf("repair manifest %s of %s: %w", s.Head.Name, s.Manifest.Account, err)
		}
		if repaired.Head.Name != "" {
			done(s, repaired)
		}
	}
	return nil
}
