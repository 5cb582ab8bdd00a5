package archive

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Summary is a committed manifest, without what it refers to.
type Summary struct {
	Head     repo.Head
	Manifest *manifest.Manifest
}

// readAhead is how many manifests are read at once: each costs one round trip to the store.
const readAhead = 8

// Manifests yields the committed manifests of all accounts, of each account the newest first. One that cannot be read, or is
// misdated, is yielded with its Head and the error, and the others follow; after an error without a Head there are no more.
func Manifests(ctx context.Context, r *repo.Repo) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		turns := make(chan chan summarized, readAhead)
		go func() {
			defer close(turns)
			for head, err := range r.Manifests(ctx) {
				if err == nil && head.Marked {
					continue
				}
				turn := make(chan summarized, 1)
				select {
				case turns <- turn:
				case <-ctx.Done():
					return
				}
				if err != nil {
					turn <- summarized{err: err}
					return
				}
				go func() {
					turn <- summarize(ctx, r, head)
				}()
			}
		}()
		for turn := range turns {
			if s := <-turn; (s.err != nil || !s.Head.Late) && !yield(s.Summary, s.err) {
				return
			}
		}
	}
}

type summarized struct {
	Summary
	err error
}

func summarize(ctx context.Context, r *repo.Repo, head repo.Head) summarized {
	m, err := ReadManifest(ctx, r, head)
	if err == nil {
		head = r.Judge(head, m.Deadline)
		err = head.Misdating()
	}
	return summarized{Summary{head, m}, err}
}

func ReadManifest(ctx context.Context, r *repo.Repo, head repo.Head) (*manifest.Manifest, error) {
	content, err := r.Manifest(ctx, head)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", head.Name, err)
	}
	return m, nil
}

// datingOf says what the times of a manifest are worth.
func datingOf(head repo.Head) manifest.Dating {
	switch {
	case head.Misdated != "":
		return manifest.Misdated
	case head.Belated():
		return manifest.Belated
	}
	return manifest.InTime
}

// BelatedAmong names the belated manifests that the store got after another one of the same account that came in time: the
// account was archived by then, so they are copies, repairs or restored objects, or somebody dated them back. In a
// repository that was moved, or made of copies, there are none.
func BelatedAmong(heads []repo.Head) map[string]bool {
	first := map[string]time.Time{} // by account, when the store got one that came in time
	for _, h := range heads {
		if at, ok := first[h.Account]; datingOf(h) == manifest.InTime && (!ok || h.Stored.Before(at)) {
			first[h.Account] = h.Stored
		}
	}
	belated := map[string]bool{}
	for _, h := range heads {
		if at, ok := first[h.Account]; ok && datingOf(h) == manifest.Belated && h.Stored.After(at) {
			belated[h.Name] = true
		}
	}
	return belated
}

// Resolve finds the manifest that a person named. Of the manifests themselves no more are read than the name asks for.
// Where a day is named, passed are the belated manifests of the day or before that gave way to an older one.
func Resolve(ctx context.Context, r *repo.Repo, ref manifest.Ref) (head repo.Head, passed []repo.Head, err error) {
	named := ""
	if ref.Account != "" {
		named = r.AccountDir(ref.Account)
	}
	var heads []repo.Head
	var candidates []manifest.Candidate
	for head, err := range r.Manifests(ctx) {
		if err != nil {
			return repo.Head{}, nil, err
		}
		if head.Marked {
			continue
		}
		account := head.Account // names are inside the manifests; their folders tell them apart as well
		if account == named {
			account = ref.Account
		}
		heads = append(heads, head)
		candidates = append(candidates, manifest.Candidate{
			Account: account,
			Hash:    head.ID,
			Time:    head.Time,
			Dating:  datingOf(head),
			Complete: func() (bool, error) {
				m, err := ReadManifest(ctx, r, head)
				return err == nil && m.State == manifest.Complete && r.Judge(head, m.Deadline).Committed(), err
			},
		})
	}
	i, err := ref.Pick(candidates)
	if err != nil {
		return repo.Head{}, nil, err
	}
	for _, n := range ref.Passed(candidates, i) {
		passed = append(passed, heads[n])
	}
	return heads[i], passed, nil
}
