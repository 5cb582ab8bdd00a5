package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

// CheckOptions say how much is checked.
type CheckOptions struct {
	Repo *repo.Repo

	// Data are the packs of mail that are read whole. The others are only seen to be there with the right size.
	Data repo.HashRange

	Limits Limits // of losses; nil: the usual ones

	Progress func(repo.Progress) // may be nil
}

// Problem is something that a check found wrong: an object, or a message, page or mailbox that is harmed by what is
// wrong with an object. What several manifests share is told for the newest of them.
type Problem struct {
	Object   string // the name of the object that is wrong; empty where it cannot be told
	Manifest string // the name of the manifest that is harmed; empty: the problem is the object itself
	Account  string
	Mailbox  string   // decoded name; empty: the manifest as a whole
	UID      mail.UID // 0: more than one message, as Reason tells
	Reason   string
	Harmless bool // no mail is in danger: a pack that a run cut short left behind, an object that is not ours
}

// String is the problem as a sentence.
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

// CheckReport counts what was checked. Mailboxes are counted in each manifest; pages, messages and chunks once, however
// many manifests share their page.
type CheckReport struct {
	Manifests int64
	Mailboxes int64
	Pages     int64
	Messages  int64
	Chunks    int64
	Objects   int64
	Bytes     int64 // read of objects
	Problems  int64 // without harmless ones
	Unlocked  int64 // among these: what is stored is whole, but locked for less than is promised
	Misdated  int64 // of these, manifests whose times cannot be true
}

// Check makes sure that everything that committed manifests refer to can be had. It goes on after each problem; the error
// is for what ends it.
//
// First come the objects: repo sees to names, sizes, tags and tables, and of packs on the arc Data to every byte. Then every
// manifest is walked down to the chunks of its messages: each must be in the index and in a pack that is sound. A chunk
// in a pack with a problem is read, to see whether it is harmed; so a pack damaged in one place harms those messages
// alone that need that place, and no message that has its chunks in another pack as well.
func Check(ctx context.Context, o CheckOptions, report func(Problem)) (*CheckReport, error) {
	c := &checker{
		CheckOptions: o,
		found:        report,
		unsound:      make(map[string]bool),
		checkedPages: make(map[chunk.Prefix]checkedPage),
		checkedFlags: make(map[chunk.Prefix]struct{}),
		reader:       NewReader(o.Repo),
	}
	err := c.run(ctx)
	return &c.report, err
}

// checker is one check under way. It remembers each page that it has walked, so that nights that share pages cost
// little: some 60 bytes for each distinct page.
type checker struct {
	CheckOptions
	found   func(Problem)
	report  CheckReport
	reader  *Reader
	unsound map[string]bool // names of packs with a problem

	accounts map[string]bool // of which no manifest was walked yet, by their folders
	expected int64           // messages of the newest manifest of each of the others

	histories Histories // what was walked

	checkedPages map[chunk.Prefix]checkedPage // record pages
	checkedFlags map[chunk.Prefix]struct{}    // flag pages
}

func (c *checker) run(ctx context.Context) error {
	if err := c.objects(ctx); err != nil {
		return err
	}
	var heads []repo.Head
	c.accounts = make(map[string]bool)
	for head, err := range c.Repo.Manifests(ctx) {
		if err != nil {
			return err
		}
		if !head.Marked { // else it is to be forgotten, and a prune may be deleting what it needs
			heads = append(heads, head)
			c.accounts[head.Account] = true
		}
	}
	belated, err := BelatedAmong(ctx, c.Repo, heads)
	if err != nil {
		return err
	}
	for _, head := range heads {
		if belated[head.Name] {
			c.problem(Problem{Object: head.Name, Harmless: true, Reason: fmt.Sprintf("the store got it at %s, long after the time in its name: "+
				"it is a copy or a repair, or it was dated back, and takes no other manifest's place", head.Stored.UTC().Format(time.DateTime))})
		}
		if err := c.manifest(ctx, head); err != nil {
			return err
		}
	}
	if err := c.unreported(ctx); err != nil {
		return err
	}
	for _, p := range c.Repo.IndexProblems() { // a pack that had to be asked itself: a segment is lost
		if !c.unsound[p.Object] {
			c.problem(Problem{Object: p.Object, Reason: p.Err.Error()})
		}
	}
	return nil
}

// unreported names manifests that lack mail and have no alarm. Nothing that is stored is harmed. What cannot be compared for
// damage was named before.
func (c *checker) unreported(ctx context.Context) error {
	found, err := c.histories.Shrunk(ctx, c.Repo, c.Limits)
	for _, u := range found {
		c.problem(Problem{Manifest: u.Head.Name, Account: u.Account, Harmless: true, Reason: u.String()})
	}
	if err != nil && ctx.Err() == nil && IsDamage(err) {
		return nil
	}
	return err
}

// objects has the repository check its objects, and remembers which packs cannot be relied on: those with a problem, and
// those that are condemned, which may be gone already.
func (c *checker) objects(ctx context.Context) error {
	checked, err := c.Repo.CheckTold(ctx, c.Data, func(p repo.Problem) {
		if p.Kind.Damage() {
			c.unsound[p.Object] = true
		} else if !p.Kind.Harmless() {
			c.report.Unlocked++
		}
		c.problem(Problem{Object: p.Object, Reason: p.Err.Error(), Harmless: p.Kind.Harmless()})
	}, c.Progress)
	c.report.Objects, c.report.Bytes = int64(checked.Objects), checked.Bytes
	if err != nil {
		return err
	}
	condemned, err := c.Repo.Condemned(ctx)
	if err != nil && !IsDamage(err) { // damage was told by the check of the objects
		return err
	}
	for pack := range condemned {
		c.unsound[pack.String()] = true
	}
	return nil
}

// showProgress tells how far the walk is. How many messages there are is known when of each account the newest manifest was met.
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

// damaged takes down damage. It returns an error of any other kind, which ends the check.
func (c *checker) damaged(ctx context.Context, p Problem, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !IsDamage(err) && !errors.Is(err, repo.ErrNoRole) {
		return err
	}
	p.Reason = err.Error()
	c.problem(p)
	return nil
}

// manifest walks one manifest.
func (c *checker) manifest(ctx context.Context, head repo.Head) error {
	m, err := ReadManifest(ctx, c.Repo, head)
	if err != nil {
		return c.damaged(ctx, Problem{Object: head.Name, Manifest: head.Name}, err)
	}
	head = c.Repo.Judge(head, m.Deadline)
	if err := head.Misdating(); err != nil {
		c.report.Misdated++
		c.problem(Problem{Object: head.Name, Manifest: head.Name, Account: m.Account, Reason: err.Error()})
		return nil
	}
	if head.Late {
		return nil
	}
	c.report.Manifests++
	c.histories.Add(Summary{head, m})
	if c.accounts[head.Account] { // the newest has most of what there is
		delete(c.accounts, head.Account)
		c.expected += m.Totals.Messages
	}
	w := &manifestCheck{checker: c, contents: c.reader.Contents(m)}
	w.where = Problem{Manifest: head.Name, Account: m.Account}
	return w.run(ctx)
}
