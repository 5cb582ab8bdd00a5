package deleted

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Found is what was deleted.
type Found struct {
	Nights   []*archive.Contents // what was compared, from the oldest to the newest
	Messages []Messages          // by night, then by mailbox
	Count    int64               // of the messages in Messages
	LeftOut  int64               // deleted from Trash, Junk and Drafts
	InTrash  int64               // moved to Trash meanwhile, and still there
	Damage   []error             // manifests and mailboxes that could not be compared
}

// Messages are deleted messages of one mailbox, in the newest manifest that has them there.
type Messages struct {
	Night   *archive.Contents
	Mailbox *manifest.Mailbox
	UIDs    mail.UIDSet
}

// Options say what to look for.
type Options struct {
	Wants   func(*manifest.Mailbox) bool // mailboxes; nil: all
	Emptied bool                         // do not leave out what was deleted from Trash, Junk and Drafts
}

const (
	nightsAhead = 16 // manifests that are opened at once
	pairsAhead  = 4  // comparisons at once: each holds what differs
)

// Find compares the complete manifests of an account from one to another, which is newer. Damage is
// in the result. It returns other errors, and an error if the two themselves cannot be compared.
func Find(ctx context.Context, r *repo.Repo, from, to *archive.Contents, o Options) (*Found, error) {
	f := &Found{}
	if err := f.open(ctx, r, from, to); err != nil {
		return nil, err
	}
	use, err := emptiedUses(ctx, from, to)
	if err != nil {
		return nil, err
	}
	m := &matcher{Options: o, use: use}
	pairs := func(yield func(int, error) bool) {
		for i := range len(f.Nights) - 1 {
			if !yield(i, nil) {
				return
			}
		}
	}
	compare := func(ctx context.Context, i int) (*diff.Difference, error) {
		return diff.Compare(ctx, f.Nights[i], f.Nights[i+1])
	}
	i := 0
	for d, err := range inorder.Map(ctx, pairsAhead, pairs, compare) {
		if err != nil {
			return nil, fmt.Errorf("compare the manifest of %s with the next: %w",
				f.Nights[i].Head.Time.Local().Format("2006-01-02 15:04"), err)
		}
		if err := d.Whole(); err != nil {
			f.Damage = append(f.Damage, err)
		}
		m.add(uint32(i), d)
		i++
	}
	return f, m.match(ctx, f)
}

// Oldest opens the oldest complete manifest of an account.
func Oldest(ctx context.Context, r *repo.Repo, account string) (*archive.Contents, error) {
	var heads []repo.Head
	for head, err := range r.AccountManifests(ctx, account) {
		if err != nil {
			return nil, err
		}
		if head.Committed() {
			heads = append(heads, head)
		}
	}
	slices.SortFunc(heads, func(a, b repo.Head) int { return a.Time.Compare(b.Time) })
	reader := archive.NewReader(r)
	for _, head := range heads {
		c, err := reader.Open(ctx, head)
		switch {
		case err != nil && (archive.UnlessDamage(err) == nil || errors.Is(err, repo.ErrNotMine)):
		case err != nil:
			return nil, err
		case c.Manifest.State == manifest.Complete && r.Judge(head, c.Manifest.Deadline).Committed():
			return c, nil
		}
	}
	return nil, fmt.Errorf("account %q: %w", account, history.ErrNoMatch)
}

// emptiedUses returns a function that recognizes Trash, Junk and Drafts in an account.
func emptiedUses(ctx context.Context, nights ...*archive.Contents) (func(*manifest.Mailbox) string, error) {
	var all []*manifest.Mailbox
	for _, c := range nights {
		for mailbox, err := range c.Mailboxes(ctx) {
			if err != nil {
				return nil, err
			}
			all = append(all, mailbox)
		}
	}
	return loss.EmptiedUses(all), nil
}

// open opens the complete manifests between two. All are read through one reader, because most of
// their pages are the same.
func (f *Found) open(ctx context.Context, r *repo.Repo, from, to *archive.Contents) error {
	to.ShareReader(from)
	f.Nights = []*archive.Contents{from}
	between := func(yield func(repo.Head, error) bool) {
		for head, err := range r.AccountManifests(ctx, from.Manifest.Account) {
			if err == nil &&
				(!head.Committed() || !head.Time.After(from.Head.Time) || !head.Time.Before(to.Head.Time)) {
				continue
			}
			if !yield(head, err) {
				return
			}
		}
	}
	for night, err := range inorder.Map(ctx, nightsAhead, between, func(ctx context.Context, head repo.Head) (opened, error) {
		m, err := archive.ReadManifest(ctx, r, head)
		if err != nil && archive.IsDamage(err) && ctx.Err() == nil {
			return opened{damage: fmt.Errorf("manifest %x: %w", head.ID[:4], err)}, nil
		}
		if errors.Is(err, repo.ErrNotMine) {
			return opened{}, nil
		}
		if err != nil || m.State != manifest.Complete || !r.Judge(head, m.Deadline).Committed() {
			return opened{}, err
		}
		c := from.With(m)
		c.Head = head
		return opened{contents: c}, nil
	}) {
		switch {
		case err != nil:
			return err
		case night.damage != nil:
			f.Damage = append(f.Damage, night.damage)
		case night.contents != nil:
			f.Nights = append(f.Nights, night.contents)
		}
	}
	slices.SortStableFunc(f.Nights[1:], func(a, b *archive.Contents) int { return a.Head.Time.Compare(b.Head.Time) })
	if to.Head.Name != from.Head.Name {
		f.Nights = append(f.Nights, to)
	}
	return nil
}

// opened is a manifest that was opened, or why it cannot be read, or neither: it does not count.
type opened struct {
	contents *archive.Contents
	damage   error
}
