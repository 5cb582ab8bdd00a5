package archive

import (
	"context"
	"errors"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Skipped is a manifest that Resolve did not choose, though its name fits better.
type Skipped struct {
	Head repo.Head
	Err  error // why it does not count; nil if it is belated
}

// OpenNamed opens the manifest that a person named, with a Reader of its own. It also returns the
// manifests that Resolve skipped. The index is read at the same time as manifests: a caller that
// lists manifests only calls Resolve.
func OpenNamed(ctx context.Context, r *repo.Repo, ref history.Ref) (*Contents, []Skipped, error) {
	r.PrepareIndex(ctx)
	head, passed, err := Resolve(ctx, r, ref)
	if err != nil {
		return nil, nil, err
	}
	contents, err := OpenManifest(ctx, r, head)
	return contents, passed, err
}

// Resolve finds the manifest that a person named. It reads no more manifests than the name
// requires. It also returns those that it skipped: if a day is named, belated manifests of that day
// or before, and objects that are not the manifests that their names say, which a host that can
// write to the store may have put there.
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
	judge := newManifestJudge(ctx, r, heads, ref.Back())
	defer judge.stop()
	for n, head := range heads {
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
				complete, err := judge.complete(n)
				if errors.Is(err, repo.ErrNotMine) {
					over[head.Name] = Skipped{head, err}
					return false, nil
				}
				return complete, err
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

// withoutRenamed leaves out objects that are not the manifests that their names say, where several
// have one id.
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

// manifestJudge finds out which manifests are complete. It is asked about those of an account from
// the newest on, and reads some of the next ones at the same time: as many as a name passes over,
// or as it was asked about already.
type manifestJudge struct {
	ctx   context.Context
	repo  *repo.Repo
	heads []repo.Head
	back  int
	asked int

	stop    func()
	reading sync.WaitGroup
	answers map[int]chan judgment
}

type judgment struct {
	complete bool
	err      error
}

// newManifestJudge returns a manifestJudge for a name that passes over back complete manifests. The
// caller calls stop.
func newManifestJudge(ctx context.Context, r *repo.Repo, heads []repo.Head, back int) *manifestJudge {
	j := &manifestJudge{repo: r, heads: heads, back: back, answers: make(map[int]chan judgment)}
	working, cancel := context.WithCancel(ctx)
	j.ctx = working
	j.stop = func() {
		cancel()
		j.reading.Wait()
	}
	return j
}

// complete reports whether a manifest is a committed one of a complete run.
func (j *manifestJudge) complete(i int) (bool, error) {
	last := i + min(max(j.back, j.asked), readAhead-1)
	for n := i; n <= last && n < len(j.heads) && j.heads[n].Account == j.heads[i].Account; n++ {
		j.read(n)
	}
	j.asked++
	answer := <-j.answers[i]
	j.answers[i] <- answer // it may be asked for again
	return answer.complete, answer.err
}

// read reads a manifest, once.
func (j *manifestJudge) read(i int) {
	if j.answers[i] != nil {
		return
	}
	answer := make(chan judgment, 1)
	j.answers[i] = answer
	j.reading.Go(func() {
		head := j.heads[i]
		m, err := ReadManifest(j.ctx, j.repo, head)
		complete := err == nil && m.State == manifest.Complete && j.repo.Judge(head, m.Deadline).Committed()
		answer <- judgment{complete, err}
	})
}
