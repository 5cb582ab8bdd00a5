package named

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// asListed matches a time as mailstrata list shows it.
var asListed = regexp.MustCompile(`(\d{4}-\d\d-\d\d) (\d\d:\d\d)$`)

// ParseRef parses a reference to a manifest.
func ParseRef(text string) (history.Ref, error) {
	return history.ParseRef(asListed.ReplaceAllString(strings.TrimSpace(text), "${1}T${2}"), time.Now())
}

// Manifest opens the manifest that a reference names.
func Manifest(ctx context.Context, o *ui.Output, r *repo.Repo, text string) (*archive.Contents, error) {
	opened, err := Manifests(ctx, o, r, text)
	if err != nil {
		return nil, err
	}
	return opened[0], nil
}

// Manifests opens the manifests that references name, at once.
func Manifests(ctx context.Context, o *ui.Output, r *repo.Repo, texts ...string) (all []*archive.Contents, err error) {
	open := func(ctx context.Context, text string) (openedManifest, error) { return openNamed(ctx, r, text) }
	for opened, err := range inorder.Map(ctx, len(texts), inorder.Slice(texts), open) {
		if err != nil {
			return nil, err
		}
		warnOfPassed(o, opened)
		all = append(all, opened.contents)
	}
	return all, nil
}

// openedManifest is a manifest that a reference names, and those that fit the reference better and
// do not count.
type openedManifest struct {
	contents *archive.Contents
	passed   []archive.Skipped
}

func openNamed(ctx context.Context, r *repo.Repo, text string) (openedManifest, error) {
	ref, err := ParseRef(text)
	if err != nil {
		wrong := &hint.Usage{Text: err.Error()}
		if slices.Contains(Accounts(ctx, r), text) {
			wrong.Hint = fmt.Sprintf("%s is an account: %[1]s@latest is its newest manifest", ui.Safe(text))
		}
		return openedManifest{}, wrong
	}
	contents, passed, err := archive.OpenNamed(ctx, r, ref)
	if errors.Is(err, history.ErrNoMatch) || errors.Is(err, history.ErrAmbiguous) {
		return openedManifest{}, &hint.Error{Text: err.Error(), Hint: ui.Safe(referenceHint(ctx, r, ref)), Err: err}
	}
	return openedManifest{contents, passed}, err
}

// warnOfPassed warns of manifests that fit a reference better than the one that was opened.
func warnOfPassed(o *ui.Output, opened openedManifest) {
	for _, over := range opened.passed[:min(len(opened.passed), ui.MaxRemarks)] {
		h, head := over.Head, opened.contents.Head
		if over.Err != nil {
			o.Warn("manifest %s of %s is ignored: %s",
				summary.ShortID(h), ui.Time(h.Time), ui.OneLine(over.Err.Error()))
			continue
		}
		o.Warn("the store got manifest %s of %s at %s, long after its time: it is a copy or a repair, or somebody dated it back. "+
			"Using %s of %s; name the other by its id if you want it", summary.ShortID(h), ui.Time(h.Time), ui.Time(h.Stored), summary.ShortID(head), ui.Time(head.Time))
	}
}

// referenceHint returns a hint for a reference that matches no manifest, or manifests of several
// accounts.
func referenceHint(ctx context.Context, r *repo.Repo, ref history.Ref) string {
	var accounts []string
	var heads []repo.Head
	for s, err := range archive.Manifests(ctx, r) {
		if err != nil {
			continue
		}
		if ref.Account == "" || ref.Account == s.Manifest.Account {
			heads = append(heads, s.Head)
		}
		if !slices.Contains(accounts, s.Manifest.Account) {
			accounts = append(accounts, s.Manifest.Account)
		}
	}
	slices.Sort(accounts)
	slices.SortFunc(heads, func(a, b repo.Head) int { return a.Time.Compare(b.Time) })
	switch {
	case len(accounts) == 0:
		return "mailstrata backup creates one"
	case ref.Account != "" && !slices.Contains(accounts, ref.Account):
		if near := ui.Nearest(ref.Account, accounts); near != "" {
			return "did you mean account " + near + "?"
		}
		return nameAccounts(accounts)
	case ref.Account == "" && len(accounts) > 1:
		return "mailstrata list shows the manifests; " + nameAccounts(accounts)
	}
	oldest, newest := heads[0], heads[len(heads)-1]
	return fmt.Sprintf("mailstrata list shows the manifests; the oldest is %s of %s, the newest %s of %s",
		summary.ShortID(oldest), ui.Time(oldest.Time), summary.ShortID(newest), ui.Time(newest.Time))
}

// IsID reports whether a reference is the beginning of an id, which needs no account.
func IsID(ref string) bool {
	return len(ref) >= 4 && strings.Trim(strings.ToLower(ref), "0123456789abcdef") == ""
}

// Heads finds the manifests that the user names.
func Heads(ctx context.Context, o *ui.Output, r *repo.Repo, names []string) (heads []repo.Head, err error) {
	for _, name := range names {
		head, err := findHead(ctx, o, r, name)
		if err != nil {
			return nil, err
		}
		heads = append(heads, head)
	}
	return heads, nil
}

// findHead finds the manifest that the user names, by a reference or by the name of its object. A
// renamed object needs the latter: it cannot be read, and has the id of the right one.
func findHead(ctx context.Context, o *ui.Output, r *repo.Repo, name string) (repo.Head, error) {
	if _, ok := repo.ParseManifest(name); !ok {
		contents, err := Manifest(ctx, o, r, name)
		if err != nil {
			return repo.Head{}, err
		}
		return contents.Head, nil
	}
	for head, err := range r.EveryManifest(ctx) {
		if err != nil {
			return repo.Head{}, err
		}
		if head.Name == name && !head.Marked {
			return head, nil
		}
	}
	return repo.Head{}, fmt.Errorf("%s: %w", name, history.ErrNoMatch)
}
