package textindex

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Report is what Bring has done.
type Report struct {
	Messages  int64 // read and added
	Bytes     int64 // of these messages
	Again     int64 // messages that could not be read before, and were now
	Removed   int64 // messages that no manifest has any more
	Manifests int   // compared
	Unread    int   // messages, pages, mailboxes and manifests that cannot be read
	Documents int   // attached documents whose text cannot be read; they are found by their names
}

// Bring brings the index up to date with the manifests of the repository, and returns those that
// count. Two processes that do so at once do not disturb each other: one of them begins again with
// what the other has written.
func (x *Index) Bring(ctx context.Context) (*Live, Report, error) {
	b := &bringing{Index: x, window: newWindow()}
	for {
		live, err := b.bring(ctx)
		if !errors.Is(err, errOvertaken) {
			return live, b.report, err
		}
		b.window = newWindow()
	}
}

// bringing is a Bring under way.
type bringing struct {
	*Index
	state  *state
	heads  map[string]repo.Head // all manifests
	window *window
	reader *archive.Reader
	ahead  *archive.Lookahead
	known  map[chunk.Prefix]bool // record pages of the latest manifests, which are not read
	report Report
}

func (b *bringing) bring(ctx context.Context) (live *Live, err error) {
	if b.state, err = loadState(ctx, b.words); err != nil {
		return nil, err
	}
	b.heads = make(map[string]repo.Head)
	for head, err := range b.repo.Manifests(ctx) {
		if err != nil {
			return nil, err
		}
		b.heads[head.Name] = head
	}
	b.reader = archive.NewReader(b.repo)
	b.ahead = archive.NewLookahead(b.reader, nil, false)
	b.known = make(map[chunk.Prefix]bool)
	b.ahead.Only(func(page manifest.Page) bool { return !b.known[page.Records.Prefix()] })
	if err := b.sweep(ctx); err != nil {
		return nil, err
	}
	again, err := b.retriesDue(ctx)
	if err == nil && again {
		b.noteRetry()
		err = b.retryNights(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, list := range b.unread() {
		if err := b.bringAccount(ctx, list); err != nil {
			return nil, err
		}
	}
	if err := b.write(ctx); err != nil {
		return nil, err
	}
	if again {
		if err := b.retryMessages(ctx); err != nil {
			return nil, err
		}
	}
	if err := b.removeLost(ctx); err != nil {
		return nil, err
	}
	return b.state.live(b.heads), nil
}

// unread returns the committed manifests that were not read, by account, the oldest first.
func (b *bringing) unread() map[string][]repo.Head {
	accounts := make(map[string][]repo.Head)
	for name, head := range b.heads {
		if n := b.state.nights[name]; (n == nil || n.kind == partialNight) && head.Committed() {
			accounts[head.Account] = append(accounts[head.Account], head)
		}
	}
	for _, list := range accounts {
		slices.SortFunc(list, older)
	}
	return accounts
}

// older orders manifests of an account by time.
func older(a, b repo.Head) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Name, b.Name)) }

// bringAccount compares manifests of an account that were not read, each with the one before it.
func (b *bringing) bringAccount(ctx context.Context, list []repo.Head) error {
	dir := list[0].Account
	a := b.state.accounts[dir]
	if a == nil {
		a = &account{dir: dir, number: uint64(len(b.state.accounts) + 1)}
		b.state.addAccount(a)
		b.window.put(a.pair())
	}
	if latest := b.latest(a); latest != nil && older(list[0], *latest) < 0 {
		if err := b.forget(ctx, a); err != nil {
			return err
		}
		list = b.unread()[dir]
	}
	c := &comparison{bringing: b, account: a, same: make(map[uint64]*manifest.Mailbox)}
	var err error
	if c.pages, err = b.state.pagesOf(ctx, b.words, a.number); err != nil {
		return err
	}
	for _, pages := range c.pages {
		for _, id := range pages {
			b.known[id] = true
		}
	}
	for s, err := range b.ahead.Manifests(ctx, archive.ReadManifests(ctx, b.repo, list)) {
		switch {
		case archive.EndsListing(ctx, s.Head, err):
			return cmp.Or(context.Cause(ctx), err)
		case err != nil:
			b.damaged(fmt.Errorf("manifest: %w", err))
			continue
		}
		if err := c.night(ctx, s); err != nil {
			return err
		}
		b.report.Manifests++
		if b.Progress != nil {
			b.Progress(b.report)
		}
	}
	return nil
}

// latest returns the latest manifest that was read of an account, or nil.
func (b *bringing) latest(a *account) *repo.Head {
	for name, n := range b.state.nights {
		if n.number == a.latest && a.latest != 0 {
			head, _ := repo.ParseManifest(name)
			return &head
		}
	}
	return nil
}

// damaged counts and reports damage.
func (b *bringing) damaged(err error) {
	b.report.Unread++
	if b.Damaged != nil {
		b.Damaged(err)
	}
}

// unlessDamage reports damage, and returns any other error.
func (b *bringing) unlessDamage(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !archive.IsDamage(err) {
		return err
	}
	b.damaged(err)
	return nil
}
