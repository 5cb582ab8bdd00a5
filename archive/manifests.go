package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Summary is a committed manifest with its Head: what a listing shows without reading it, such as hash, time and marks.
type Summary struct {
	Head     repo.Head
	Manifest *manifest.Manifest
}

// Origin returns the hash of the manifest that this one was copied, repaired or written again from, or its own hash.
func (s Summary) Origin() [32]byte {
	if s.Manifest.Origin != [32]byte{} {
		return s.Manifest.Origin
	}
	return s.Head.ID
}

// readAhead is the number of manifests that are read at once. Each costs one round trip to the store.
const readAhead = 8

// Manifests yields the committed manifests of all accounts, those of an account from the newest to the oldest. For one that
// cannot be read or is misdated, it yields the Head and an error, and goes on. An error without a Head is the last.
func Manifests(ctx context.Context, r *repo.Repo) iter.Seq2[Summary, error] {
	return summaries(ctx, r, r.Manifests)
}

// AccountManifests is Manifests for one account. It is for writers, so a mark that cannot be read is an error.
func AccountManifests(ctx context.Context, r *repo.Repo, account string) iter.Seq2[Summary, error] {
	return summaries(ctx, r, func(ctx context.Context) iter.Seq2[repo.Head, error] { return r.AccountManifests(ctx, account) })
}

func summaries(ctx context.Context, r *repo.Repo, list func(context.Context) iter.Seq2[repo.Head, error]) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		turns := make(chan chan summarized, readAhead)
		go func() {
			defer close(turns)
			for head, err := range list(ctx) {
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

// confirmedTimes returns the names of the belated manifests whose times the owner has confirmed (history.TagDated). A
// writer's key cannot do that.
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

// BelatedAmong returns the names of the belated manifests that the store received after one of the same account that came in
// time, except those whose times the owner has confirmed. The account was being archived by then, so they are copies, repairs
// or restored objects, or they were dated back. A repository that was moved or copied has none.
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
		if at, ok := first[h.Account]; ok && datingOf(h) == history.Belated && h.Stored.After(at) && !confirmed[h.Name] {
			belated[h.Name] = true
		}
	}
	return belated, err
}

// Skipped is a manifest that Resolve did not choose, though its name fits better.
type Skipped struct {
	Head repo.Head
	Err  error // why it does not count; nil if it is belated
}

// Resolve finds the manifest that a person named. It reads no more manifests than the name requires. It also returns those
// that it skipped: if a day is named, belated manifests of that day or before, and objects that are not the manifests that
// their names say, which a host that can write to the store may have put there.
func Resolve(ctx context.Context, r *repo.Repo, ref history.Ref) (head repo.Head, passed []Skipped, err error) {
	var heads []repo.Head
	for head, err := range r.Manifests(ctx) {
		if err != nil {
			return repo.Head{}, nil, err
		}
		if !head.Marked {
			heads = append(heads, head)
		}
	}
	head, passed, err = resolve(ctx, r, ref, heads)
	if errors.Is(err, history.ErrAmbiguous) {
		return resolve(ctx, r, ref, withoutRenamed(ctx, r, heads))
	}
	return head, passed, err
}

func resolve(
	ctx context.Context, r *repo.Repo, ref history.Ref, heads []repo.Head,
) (head repo.Head, passed []Skipped, err error) {
	named := ""
	if ref.Account != "" {
		named = r.AccountDir(ref.Account)
	}
	var confirmed map[string]bool
	if ref.IsTime() {
		if confirmed, err = confirmedTimes(ctx, r, heads); err != nil {
			return repo.Head{}, nil, err
		}
	}
	over := make(map[string]Skipped)
	var candidates []history.Candidate
	for _, head := range heads {
		account := head.Account // the name is inside the manifest; the folder serves as well
		if account == named {
			account = ref.Account
		}
		candidates = append(candidates, history.Candidate{
			Account: account,
			Hash:    head.ID,
			Time:    head.Time,
			Dating:  confirmedDating(head, confirmed[head.Name]),
			Complete: func() (bool, error) {
				m, err := ReadManifest(ctx, r, head)
				if errors.Is(err, repo.ErrNotMine) {
					over[head.Name] = Skipped{head, err}
					return false, nil
				}
				return err == nil && m.State == manifest.Complete && r.Judge(head, m.Deadline).Committed(), err
			},
		})
	}
	i, err := ref.Pick(candidates)
	if err == nil {
		head = heads[i]
		for _, n := range ref.Passed(candidates, i) {
			if _, ok := over[heads[n].Name]; !ok {
				over[heads[n].Name] = Skipped{Head: heads[n]}
			}
		}
	}
	for _, h := range heads {
		if p, ok := over[h.Name]; ok {
			passed = append(passed, p)
		}
	}
	return head, passed, err
}

// withoutRenamed leaves out objects that are not the manifests that their names say, where several have one id.
func withoutRenamed(ctx context.Context, r *repo.Repo, heads []repo.Head) (left []repo.Head) {
	names := make(map[chunk.ID]int)
	for _, head := range heads {
		names[head.ID]++
	}
	for _, head := range heads {
		if names[head.ID] > 1 {
			if _, err := r.Manifest(ctx, head); errors.Is(err, repo.ErrNotMine) {
				names[head.ID]-- // the last one stays
				continue
			}
		}
		left = append(left, head)
	}
	return left
}

// Latest opens the newest complete manifest of each account, in the order in which the store lists accounts. It skips objects
// that are not the manifests that their names say.
func Latest(ctx context.Context, r *repo.Repo) ([]*Contents, error) {
	var latest []*Contents
	done := "" // the directory of the account last opened
	for head, err := range r.Manifests(ctx) {
		if err != nil {
			return nil, err
		}
		if head.Account == done || !head.Committed() {
			continue
		}
		c, err := OpenManifest(ctx, r, head)
		if errors.Is(err, repo.ErrNotMine) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if c.Manifest.State == manifest.Complete && r.Judge(head, c.Manifest.Deadline).Committed() {
			latest, done = append(latest, c), head.Account
		}
	}
	return latest, nil
}
