package archive

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Limits returns the limits of losses of an account, as loss.Comparison takes them. A nil Limits
// stands for the usual ones.
type Limits func(account string) func(*mail.Mailbox) loss.Limit

// lossFinder finds losses that no alarm mentions. A host with a stolen writer's key can write a
// manifest that lacks mail and has no alarm.
//
// Two consecutive manifests are compared if one of them, or one between them, is to be forgotten.
// If one between them was forgotten while both existed, they were compared then. They are not
// compared again, because manifests that monthly rules keep differ by far more than two nights may.
type lossFinder struct {
	repo   *repo.Repo
	reader *Reader
	limits Limits
	marks  map[string]statement.Marked
	erased func(context.Context) (*statement.Erasures, error) // reads them at its first call
}

func newLossFinder(ctx context.Context, r *repo.Repo, limits Limits) (*lossFinder, error) {
	marks, err := r.Marks(ctx)
	if err != nil {
		return nil, err
	}
	f := &lossFinder{repo: r, reader: NewReader(r), limits: limits, marks: marks}
	var once sync.Once
	var erasures *statement.Erasures
	f.erased = func(ctx context.Context) (*statement.Erasures, error) {
		once.Do(func() { erasures, err = r.Erasures(ctx) })
		return erasures, err
	}
	return f, nil
}

// find fills in the losses of manifests of one account, given the newest first, where one that goes
// is concerned. It reports whether it found any.
func (f *lossFinder) find(ctx context.Context, account []Decision, goes func(*Decision) bool) (found bool, err error) {
	for i := range account {
		now := &account[i]
		if !now.isComplete() || len(now.Manifest.Alarm) > 0 || slices.Contains(now.Tags, history.TagAcknowledged) {
			continue
		}
		for _, n := range predecessors(account, i) {
			between, before := account[i:n+1], &account[n]
			if !slices.ContainsFunc(between, func(d Decision) bool { return goes(&d) }) || f.wereCompared(before, now) {
				continue
			}
			lost, err := f.lost(ctx, before, now)
			if err != nil {
				return found, err
			}
			if len(lost) > 0 {
				now.Lost, found = lost, true
			}
		}
	}
	return found, nil
}

// before returns what a complete manifest lacks of those with which it is compared.
func (f *lossFinder) before(ctx context.Context, account []Decision, i int) (all []string, err error) {
	now := &account[i]
	if !now.isComplete() {
		return nil, nil // the run that continues from a checkpoint is compared
	}
	for _, n := range predecessors(account, i) {
		if f.wereCompared(&account[n], now) {
			continue
		}
		lost, err := f.lost(ctx, &account[n], now)
		if err != nil {
			return nil, err
		}
		for _, sentence := range lost {
			if !slices.Contains(all, sentence) {
				all = append(all, sentence)
			}
		}
	}
	return all, nil
}

// lost compares two manifests.
func (f *lossFinder) lost(ctx context.Context, before, now *Decision) ([]string, error) {
	losses, err := f.compare(ctx, before.Head, now.Head)
	if err != nil {
		return nil, fmt.Errorf("compare manifest %x with the one before: %w", now.Head.ID[:4], err)
	}
	return losses.Alarms, nil
}

// predecessors returns the manifests with which manifest i is compared, and which a loss in it
// protects (see history.Policy): the last complete one before it, and, if it came in time, the last
// complete one that did. It leaves out those beside which the run of i ran: what it lacks of them
// may have come after it read the account. Instead, the manifest after i is compared with them.
func predecessors(account []Decision, i int) (list []int) {
	list = completeBefore(account, i)
	if len(list) == 0 {
		return nil
	}
	start := account[list[0]].Manifest.Start
	for n := list[0] + 1; n < len(account) && account[n].Head.Time.After(start); n++ {
		if ranBeside(account, list[0], n) && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

// completeBefore returns the last complete manifest before manifest i, and, if that one is belated
// and i is not, the last complete one that is not.
func completeBefore(account []Decision, i int) (list []int) {
	belated := account[i].Head.Belated()
	for n := i + 1; n < len(account); n++ {
		before := &account[n]
		switch {
		case !before.isComplete() || ranBeside(account, i, n):
		case len(list) == 0:
			list = append(list, n)
			if belated || !before.Head.Belated() {
				return list
			}
		case !before.Head.Belated():
			return append(list, n)
		}
	}
	return list
}

// ranBeside reports whether the complete manifest i ran beside the complete manifest n
// (history.Beside).
func ranBeside(account []Decision, i, n int) bool {
	line := func(n int) history.Line {
		d := &account[n]
		if d.Manifest == nil {
			return history.Line{Hash: d.Head.ID, Time: d.Head.Time}
		}
		return history.Line{Hash: d.Head.ID, Parent: d.Manifest.Parent, Start: d.Manifest.Start, Time: d.Head.Time}
	}
	return account[i].isComplete() && account[n].isComplete() && history.Beside(line, i, n)
}

// wereCompared reports whether a manifest between two others was forgotten while both existed. A
// manifest that a repair or an erasure wrote again existed under another name before.
func (f *lossFinder) wereCompared(before, now *Decision) bool {
	since := now.Head.Stored
	if now.Manifest.Origin != [32]byte{} {
		since = now.Head.Time
	}
	for name, mark := range f.marks {
		head, ok := repo.ParseManifest(name)
		if ok && head.Account == now.Head.Account && head.Time.After(before.Head.Time) &&
			head.Time.Before(now.Head.Time) &&
			mark.Forgotten.After(since) { // an erasure compares nothing
			return true
		}
	}
	return false
}

// compare finds what an account lost between two manifests. It leaves out mailboxes that cannot be
// read.
func (f *lossFinder) compare(ctx context.Context, before, now repo.Head) (*loss.Losses, error) {
	erasures, err := f.erased(ctx)
	if err != nil {
		return nil, err
	}
	comparison := loss.Comparison{Most: -1, Catalog: Catalog(ctx, f.repo, f.reader.Reader), Erased: erasures.Message}
	if comparison.Before, _, err = f.mailboxes(ctx, before); err != nil {
		return nil, err
	}
	var account string
	if comparison.Now, account, err = f.mailboxes(ctx, now); err != nil {
		return nil, err
	}
	if f.limits != nil {
		comparison.Limit = f.limits(account)
	}
	return comparison.Find()
}

// mailboxes returns the mailboxes of a manifest that can be read, and its account.
func (f *lossFinder) mailboxes(
	ctx context.Context, head repo.Head,
) (list []*manifest.Mailbox, account string, err error) {
	m, err := ReadManifest(ctx, f.repo, head)
	if err != nil {
		return nil, "", err
	}
	for mailbox, err := range f.reader.Contents(m).Mailboxes(ctx) {
		switch {
		case err == nil:
			list = append(list, mailbox)
		case !IsDamage(err):
			return nil, "", err
		}
	}
	return list, m.Account, nil
}
