package main

import (
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/repo"
)

// manifests looks for manifests that count for nothing because they cannot be read or believed, and for belated ones.
func (e *examination) manifests(ctx context.Context, r *repo.Repo) {
	var heads []repo.Head
	doubtful := 0
	for s, err := range archive.Manifests(ctx, r) {
		switch {
		case err != nil && (s.Head.Name == "" || ctx.Err() != nil):
			e.fail("manifests", err)
			return
		case err == nil:
			heads = append(heads, s.Head)
		default:
			if doubtful++; doubtful <= remarksAtMost {
				e.warn("manifests", "find out which host wrote it, then run mailstrata forget "+s.Head.Name, "manifest %s of %s: %s",
					shortID(s.Head), moment(s.Head.Time), err)
			}
		}
	}
	if doubtful > remarksAtMost {
		e.warn("manifests", "mailstrata list names them", "%s more that cannot be read or believed", count(int64(doubtful-remarksAtMost)))
	}
	if n := len(archive.BelatedAmong(heads)); n > 0 {
		e.warn("manifests", "mailstrata list marks them as belated; find out which host wrote those that are neither copies nor repairs",
			"%s came to the store long after their times: copies, repairs, or dated back", plural(int64(n), "manifest"))
	}
	if doubtful == 0 {
		e.ok("manifests", "%s, and each can be read and believed", plural(int64(len(heads)), "manifest"))
	}
}
