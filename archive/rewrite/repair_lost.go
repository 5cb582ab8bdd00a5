package rewrite

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// RepairLost repairs the newest manifest of each account, and the newest complete one, by what counts as stored: it reads
// pages, and chunks that no longer count, which it stores again where they can be read. It follows repo.RepairPacks, which has
// condemned what is damaged, so that the next backup asks the server for the messages that were lost with it. An empty
// manifest is no mistake here, because RepairPacks has read each pack that it condemned. A manifest that lacks nothing is not
// written again. done is called for each repaired manifest.
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
