package doctor

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// manifests reports manifests that cannot be read or trusted, belated ones, and those that lack mail and have no alarm.
func (e *findings) manifests(ctx context.Context, r *repo.Repo, limits archive.Limits) {
	var heads []repo.Head
	var histories archive.Histories
	doubtful := 0
	for s, err := range archive.Manifests(ctx, r) {
		switch {
		case err != nil && (s.Head.Name == "" || ctx.Err() != nil):
			e.fail("manifests", err)
			return
		case err == nil:
			heads = append(heads, s.Head)
			histories.Add(s)
		default:
			if doubtful++; doubtful <= listedMost {
				e.warn("manifests", "find out which host wrote it, then run mailstrata forget "+s.Head.Name, "manifest %s of %s: %s",
					shortID(s.Head), ui.Time(s.Head.Time), err)
			}
		}
	}
	if doubtful > listedMost {
		e.warn("manifests", "mailstrata list names them", "%s more cannot be read or trusted", ui.Count(int64(doubtful-listedMost)))
	}
	belated, err := archive.BelatedAmong(ctx, r, heads)
	if err != nil {
		e.fail("manifests", err)
		return
	}
	if n := len(belated); n > 0 {
		e.warn("manifests", "mailstrata list marks them as belated; find out which host wrote those that are neither copies nor repairs",
			"the store got %s long after their times: copies, repairs, or dated back", ui.Plural(int64(n), "manifest"))
	}
	e.unreported(ctx, r, &histories, limits)
	if doubtful == 0 {
		e.ok("manifests", "%s, all readable", ui.Plural(int64(len(heads)), "manifest"))
	}
}

func (e *findings) unreported(ctx context.Context, r *repo.Repo, histories *archive.Histories, limits archive.Limits) {
	lost, err := histories.Shrunk(ctx, r, limits)
	if err != nil {
		e.fail("manifests", fmt.Errorf("compare them: %w", err))
		return
	}
	for _, u := range lost[:min(len(lost), listedMost)] {
		e.warn("manifests", fmt.Sprintf("mailstrata diff %s %s shows what is missing; mailstrata forget --acknowledge %s accepts it",
			shortID(u.Before), shortID(u.Head), shortID(u.Head)), "manifest %s of %s lacks mail of the one before it, and has no alarm: %s",
			shortID(u.Head), ui.Safe(u.Account), ui.OneLine(u.Lost[len(u.Lost)-1]))
	}
	if len(lost) > listedMost {
		e.warn("manifests", "mailstrata list names them", "%s more lack mail and have no alarm", ui.Count(int64(len(lost)-listedMost)))
	}
}

// listedMost is the number of manifests that are named one by one.
const listedMost = 10

// shortID returns the first digits of a manifest's id.
func shortID(head repo.Head) string { return hex.EncodeToString(head.ID[:4]) }
