// Package check verifies that everything that the manifests of a repository refer to can be read,
// and reports what is wrong with it: Run.
//
//	repo.Repo.Check   the objects by themselves                                                check.go
//	manifests         their tables, pages and totals, and the chunks of their messages         manifest.go
//	                  their scripts, calendars and address books                               items.go
//
// It remembers what it has checked, so that what many manifests share is checked once.
package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

// Options select how much is checked.
type Options struct {
	Repo *repo.Repo

	// Data selects the packs of mail that are read whole. Of the others, only the size is checked.
	Data repo.HashRange

	// Share selects the objects and the accounts that are checked. Checks of all shares together
	// find what one check of everything finds, each problem once. (If a segment of the index is
	// lost, each names the packs that it needs.)
	Share repo.Share

	Limits archive.Limits // of losses; nil for the usual ones

	Progress func(repo.Progress) // may be nil
}

// Problem is what a check found wrong: with an object, or with a message, page or mailbox that a
// damaged object affects. If several manifests share it, the newest of them is named.
type Problem struct {
	Object   string // the name of the damaged object, also where Manifest is what it affects; empty if it is not known
	Manifest string // the name of the manifest that is affected; empty if the problem is the object itself
	Account  string
	Mailbox  string   // decoded name; empty for the manifest as a whole
	UID      mail.UID // 0 for several messages; Reason names them
	Reason   string
	Harmless bool // no mail is affected, for example by a pack that an interrupted run left behind
	Repair   Repair
}

// Repair is what mends a problem.
type Repair uint8

const (
	Unmended    Repair = iota // nothing that a check knows of
	RepairIndex               // the index is rebuilt from the packs
	RepairPacks               // what can be read of the packs is saved, and the rest is stored again
)

func (r Repair) String() string { return [...]string{"", "repair index", "repair packs"}[r] }

// repairs returns what mends damage of an object.
func repairs(object string) Repair {
	if _, isPack := repo.ParsePack(object); isPack {
		return RepairPacks
	}
	if repo.IsSegment(object) {
		return RepairIndex
	}
	return Unmended
}

// String returns the problem as a sentence.
func (p Problem) String() string {
	var where []string
	if p.Manifest != "" {
		where = append(where, fmt.Sprintf("account %q, %s", p.Account, p.Manifest))
	}
	if p.Mailbox != "" {
		where = append(where, fmt.Sprintf("mailbox %q", p.Mailbox))
	}
	if p.UID != 0 {
		where = append(where, fmt.Sprintf("UID %d", p.UID))
	}
	if p.Object != "" && !strings.Contains(p.Reason, p.Object) {
		where = append(where, p.Object)
	}
	return strings.Join(append(where, p.Reason), ": ")
}

// Report counts what was checked. Mailboxes are counted in each manifest; pages, messages and
// chunks once, however many manifests share their page.
type Report struct {
	Manifests int64
	Mailboxes int64
	Pages     int64
	Messages  int64
	Items     int64 // scripts, events and contacts
	Chunks    int64
	Objects   int64
	Bytes     int64 // read of objects
	Problems  int64 // without harmless ones
	Unlocked  int64 // of these, objects that are whole but locked for less time than promised
	Overlaid  int64 // objects that a newer version or a delete marker covers; together they are one problem
	Misdated  int64 // of these, manifests whose times cannot be true
}

// Run verifies that everything that committed manifests refer to can be read. It calls report with
// each problem and goes on. It returns an error only if it cannot go on.
//
// It checks the objects first: repo checks names, sizes, tags and tables, and every byte of the
// packs that Data selects. Then it follows every manifest down to the chunks of its messages. Each
// chunk must be in the index and in a sound pack. A chunk in a damaged pack is read, so that only
// those messages are reported that need the damaged place and have no other copy. If the check is
// of a share, and a pack in it is damaged, it looks for these messages in the manifests of the
// other shares too, which do not know of the damage.
func Run(ctx context.Context, o Options, report func(Problem)) (*Report, error) {
	c := &checker{
		Options:      o,
		found:        report,
		unsound:      make(map[string]bool),
		broken:       make(map[string]bool),
		checkedPages: make(map[chunk.Prefix]checkedPage),
		checkedFlags: make(map[chunk.Prefix]struct{}),

		checkedServers: make(map[accountPart]struct{}),
		checkedItems:   make(map[chunk.Prefix]checkedItemPage),
		reader:         archive.NewReader(o.Repo),
	}
	c.reader.Keep(repo.KeptNothing)
	c.ahead = archive.NewLookahead(c.reader, nil, true)
	err := c.run(ctx)
	return &c.report, err
}

// checker is a check under way. It remembers each page that it has checked, in some 60 bytes.
type checker struct {
	Options
	found   func(Problem)
	report  Report
	reader  *archive.Reader
	ahead   *archive.Lookahead
	unsound map[string]bool // names of objects with a problem, and of condemned packs
	broken  map[string]bool // names of packs with a problem

	accounts map[string]bool // folders of accounts of which no manifest was checked yet
	expected int64           // messages in the newest manifests of the other accounts

	histories archive.Histories // the manifests that were checked

	checkedPages map[chunk.Prefix]checkedPage // record pages
	checkedFlags map[chunk.Prefix]struct{}    // flag pages

	checkedServers map[accountPart]struct{} // server parts
	checkedItems   map[chunk.Prefix]checkedItemPage
}

func (c *checker) run(ctx context.Context) error {
	if err := c.objects(ctx); err != nil {
		return err
	}
	var heads, others []repo.Head
	c.accounts = make(map[string]bool)
	for head, err := range c.Repo.Manifests(ctx) {
		if err != nil {
			return err
		}
		switch {
		case head.Marked: // a prune may be deleting what it needs
		case c.Share.Has(head.Name):
			heads = append(heads, head)
			c.accounts[head.Account] = true
		default:
			others = append(others, head)
		}
	}
	belated, err := archive.BelatedAmong(ctx, c.Repo, heads)
	if err != nil {
		return err
	}
	for s, err := range c.ahead.Manifests(ctx, archive.ReadManifests(ctx, c.Repo, heads)) {
		if belated[s.Head.Name] {
			c.problem(Problem{Object: s.Head.Name, Harmless: true, Reason: fmt.Sprintf("the store got it at %s, long after the time in its name: "+
				"it is a copy or a repair, or it was dated back, and takes no other manifest's place", s.Head.Stored.UTC().Format(time.DateTime))})
		}
		switch {
		case err != nil:
			err = c.unread(ctx, s, err)
		case !s.Head.Late:
			err = c.manifest(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	if err := c.unreported(ctx); err != nil {
		return err
	}
	if err := c.others(ctx, others); err != nil {
		return err
	}
	for _, p := range c.Repo.IndexProblems() { // a pack that had to be asked itself: a segment is lost
		if _, isPack := repo.ParsePack(p.Object); !c.unsound[p.Object] && (isPack || c.Share.Has(p.Object)) {
			c.problem(Problem{Object: p.Object, Reason: p.Err.Error(), Repair: RepairIndex})
		}
	}
	return nil
}

// unreported reports manifests that lack mail and have no alarm. It skips those that are too
// damaged to compare, which were reported before.
func (c *checker) unreported(ctx context.Context) error {
	found, err := c.histories.Shrunk(ctx, c.Repo, c.Limits)
	for _, u := range found {
		c.problem(Problem{Manifest: u.Head.Name, Account: u.Account, Harmless: true, Reason: u.String()})
	}
	if err != nil && ctx.Err() == nil && archive.IsDamage(err) {
		return nil
	}
	return err
}

// objects checks the objects of the repository, and remembers the packs that cannot be relied on:
// those with a problem, and those that are condemned, which may be deleted already.
func (c *checker) objects(ctx context.Context) error {
	checked, err := c.Repo.Check(ctx, c.Data, c.Share, func(p repo.Problem) {
		found := Problem{Object: p.Object, Reason: p.Err.Error(), Harmless: p.Kind.Harmless()}
		if p.Kind.Damage() {
			if !errors.Is(p.Err, repo.ErrNewer) && !errors.Is(p.Err, repo.ErrNotMine) { // no repair mends these
				found.Repair = repairs(p.Object)
			}
			c.unsound[p.Object] = true
			if _, isPack := repo.ParsePack(p.Object); isPack {
				c.broken[p.Object] = true
			}
		} else if p.Kind == repo.Overlaid {
			c.report.Overlaid++
		} else if !p.Kind.Harmless() {
			c.report.Unlocked++
		}
		c.problem(found)
	}, c.Progress)
	c.report.Objects, c.report.Bytes = int64(checked.Objects), checked.Bytes
	if err != nil {
		return err
	}
	if n := c.report.Overlaid; n > 0 {
		c.problem(Problem{Reason: fmt.Sprintf("somebody deleted or replaced objects of the bucket: %d in all, of which it kept the older versions; these are read, "+
			"so nothing is lost yet", n)})
	}
	condemned, err := c.Repo.Condemned(ctx)
	if err != nil && !archive.IsDamage(err) { // the check of the objects reported damage
		return err
	}
	for pack := range condemned {
		c.unsound[pack.String()] = true
	}
	return nil
}

// showProgress reports how many messages were checked. Their total is known once the newest
// manifest of each account was read.
func (c *checker) showProgress() {
	if c.Progress == nil {
		return
	}
	now := repo.Progress{Step: "messages checked", Done: c.report.Messages}
	if len(c.accounts) == 0 {
		now.Of = max(c.expected, now.Done)
	}
	c.Progress(now)
}

func (c *checker) problem(p Problem) {
	if !p.Harmless {
		c.report.Problems++
	}
	c.found(p)
}

// damaged reports damage as a problem. It returns any other error, which ends the check.
func (c *checker) damaged(ctx context.Context, p Problem, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !passable(err) {
		return err
	}
	p.Reason = err.Error()
	var unread *repo.ChunkError
	if p.Object == "" && errors.As(err, &unread) {
		p.Object = unread.Pack.String()
	}
	c.problem(p)
	return nil
}

// passable reports whether an error is a problem that a check reports, and does not end it.
func passable(err error) bool { return archive.IsDamage(err) || errors.Is(err, repo.ErrNoRole) }

// unread reports a manifest that cannot be read, or whose times cannot be true.
func (c *checker) unread(ctx context.Context, s archive.Summary, err error) error {
	about := Problem{Object: s.Head.Name, Manifest: s.Head.Name}
	if s.Manifest != nil {
		about.Account = s.Manifest.Account
		c.report.Misdated++
	}
	return c.damaged(ctx, about, err)
}

// manifest checks one manifest.
func (c *checker) manifest(ctx context.Context, s archive.Summary) error {
	c.report.Manifests++
	c.histories.Add(s)
	if c.accounts[s.Head.Account] { // the newest has most of the messages
		delete(c.accounts, s.Head.Account)
		c.expected += s.Manifest.Totals.Messages
	}
	return c.manifestCheck(s).run(ctx)
}

// others follows the manifests of other shares to the chunks in broken packs of this share. It
// reports the messages that these affect, and nothing else: the checks of the other shares report
// the rest.
func (c *checker) others(ctx context.Context, heads []repo.Head) error {
	if len(c.broken) == 0 {
		return nil
	}
	counted := c.report
	for s, err := range c.ahead.Manifests(ctx, archive.ReadManifests(ctx, c.Repo, heads)) {
		if err == nil && !s.Head.Late {
			w := c.manifestCheck(s)
			w.other = true
			err = w.run(ctx)
		}
		if err != nil && (ctx.Err() != nil || !passable(err)) {
			return err
		}
	}
	counted.Problems = c.report.Problems
	c.report = counted
	return nil
}
