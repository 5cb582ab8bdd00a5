package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Summary is a committed manifest with its Head: what a listing shows without reading it, such as
// hash, time and marks.
type Summary struct {
	Head     repo.Head
	Manifest *manifest.Manifest
}

// Origin returns the hash of the manifest that this one was copied, repaired or written again from,
// or its own hash.
func (s Summary) Origin() [32]byte {
	if s.Manifest.Origin != [32]byte{} {
		return s.Manifest.Origin
	}
	return s.Head.ID
}

// readAhead is the number of manifests that are read at once. Each costs one round trip to the
// store, and 64 small requests are as many as a store is asked at once.
const readAhead = 64

// Manifests yields the committed manifests of all accounts, those of an account from the newest to
// the oldest. For one that cannot be read or is misdated, it yields the Head and an error, and goes
// on. An error without a Head is the last.
func Manifests(ctx context.Context, r *repo.Repo) iter.Seq2[Summary, error] {
	return summaries(ctx, r, r.Manifests)
}

// AccountManifests is Manifests for one account. It is for writers, so a mark that cannot be read
// is an error.
func AccountManifests(ctx context.Context, r *repo.Repo, account string) iter.Seq2[Summary, error] {
	return summaries(ctx, r, func(ctx context.Context) iter.Seq2[repo.Head, error] { return r.AccountManifests(ctx, account) })
}

func summaries(
	ctx context.Context, r *repo.Repo, list func(context.Context) iter.Seq2[repo.Head, error],
) iter.Seq2[Summary, error] {
	unmarked := func(yield func(repo.Head, error) bool) {
		for head, err := range list(ctx) {
			if (err != nil || !head.Marked) && !yield(head, err) {
				return
			}
		}
	}
	return func(yield func(Summary, error) bool) {
		for s, err := range readManifests(ctx, r, unmarked) {
			if (err != nil || !s.Head.Late) && !yield(s, err) {
				return
			}
		}
	}
}

// ReadManifests yields the manifests with these heads, in their order. For one that cannot be read
// or is misdated, it yields an error, and goes on. Unlike Manifests, it also yields those that are
// marked or late.
func ReadManifests(ctx context.Context, r *repo.Repo, heads []repo.Head) iter.Seq2[Summary, error] {
	return readManifests(ctx, r, inorder.Slice(heads))
}

func readManifests(ctx context.Context, r *repo.Repo, heads iter.Seq2[repo.Head, error]) iter.Seq2[Summary, error] {
	return inorder.Map(ctx, readAhead, heads, func(ctx context.Context, head repo.Head) (Summary, error) {
		return summarize(ctx, r, head)
	})
}

// summarize reads a manifest and judges its times. If it is misdated, summarize returns it with an
// error.
func summarize(ctx context.Context, r *repo.Repo, head repo.Head) (Summary, error) {
	m, err := ReadManifest(ctx, r, head)
	if err == nil {
		head = r.Judge(head, m.Deadline)
		err = head.Misdating()
	}
	return Summary{head, m}, err
}

// ReadManifest reads and parses a manifest.
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

// datingOf returns how far the time of a manifest can be trusted.
func datingOf(head repo.Head) history.Dating {
	switch {
	case head.Misdated != "":
		return history.Misdated
	case head.Belated():
		return history.Belated
	}
	return history.InTime
}

// confirmedDating is datingOf for a manifest whose time the owner may have confirmed.
func confirmedDating(head repo.Head, confirmed bool) history.Dating {
	if d := datingOf(head); d != history.Belated || !confirmed {
		return d
	}
	return history.Confirmed
}

// confirmedTimes returns the names of the belated manifests whose times the owner has confirmed
// (history.TagDated). A writer's key cannot do that.
func confirmedTimes(ctx context.Context, r *repo.Repo, heads []repo.Head) (map[string]bool, error) {
	if !slices.ContainsFunc(heads, repo.Head.Belated) {
		return nil, nil
	}
	tags, _, err := r.ReadableTags(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	for name, list := range tags {
		if slices.Contains(list, history.TagDated) {
			names[name] = true
		}
	}
	return names, nil
}

// BelatedAmong returns the names of the belated manifests that the store received after one of the
// same account that came in time, except those whose times the owner has confirmed. The account was
// being archived by then, so they are copies, repairs or restored objects, or they were dated back.
// A repository that was moved or copied has none.
func BelatedAmong(ctx context.Context, r *repo.Repo, heads []repo.Head) (map[string]bool, error) {
	first := map[string]time.Time{} // by account, when the store got one that came in time
	for _, h := range heads {
		if at, ok := first[h.Account]; datingOf(h) == history.InTime && (!ok || h.Stored.Before(at)) {
			first[h.Account] = h.Stored
		}
	}
	confirmed, err := confirmedTimes(ctx, r, heads)
	belated := map[string]bool{}
	for _, h := range heads {
		if at, ok := first[h.Account]; ok && datingOf(h) == history.Belated && h.Stored.After(at) &&
			!confirmed[h.Name] {
			belated[h.Name] = true
		}
	}
	return belated, err
}

// Latest opens the newest complete manifest of each account, in the order in which the store lists
// accounts. It skips objects that are not the manifests that their names say. All of them read
// through one Reader.
func Latest(ctx context.Context, r *repo.Repo) ([]*Contents, error) {
	var accounts [][]repo.Head
	for head, err := range r.Manifests(ctx) {
		if err != nil {
			return nil, err
		}
		if n := len(accounts); n > 0 && accounts[n-1][0].Account == head.Account {
			accounts[n-1] = append(accounts[n-1], head)
		} else {
			accounts = append(accounts, []repo.Head{head})
		}
	}
	reader := NewReader(r)
	newest := func(ctx context.Context, heads []repo.Head) (*Contents, error) { return reader.newest(ctx, heads) }
	var latest []*Contents
	for c, err := range inorder.Map(ctx, readAhead, inorder.Slice(accounts), newest) {
		if err != nil {
			return nil, err
		}
		if c != nil {
			latest = append(latest, c)
		}
	}
	return latest, nil
}

// newest opens the first complete manifest of a list. It returns nil if no manifest is complete.
func (r *Reader) newest(ctx context.Context, heads []repo.Head) (*Contents, error) {
	for _, head := range heads {
		if !head.Committed() {
			continue
		}
		c, err := r.Open(ctx, head)
		if errors.Is(err, repo.ErrNotMine) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if c.Manifest.State == manifest.Complete && r.repo.Judge(head, c.Manifest.Deadline).Committed() {
			return c, nil
		}
	}
	return nil, nil
}
