package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// asListed matches a time as mailstrata list shows it.
var asListed = regexp.MustCompile(`(\d{4}-\d\d-\d\d) (\d\d:\d\d)$`)

// parseRef parses a reference to a manifest.
func parseRef(text string) (history.Ref, error) {
	return history.ParseRef(asListed.ReplaceAllString(strings.TrimSpace(text), "${1}T${2}"), time.Now())
}

// openManifest opens the manifest that a reference names.
func (p *program) openManifest(ctx context.Context, r *repo.Repo, text string) (*archive.Contents, error) {
	opened, err := p.openManifests(ctx, r, text)
	if err != nil {
		return nil, err
	}
	return opened[0], nil
}

// openManifests opens the manifests that references name, at once.
func (p *program) openManifests(ctx context.Context, r *repo.Repo, texts ...string) (all []*archive.Contents, err error) {
	open := func(ctx context.Context, text string) (openedManifest, error) { return openNamed(ctx, r, text) }
	for o, err := range inorder.Map(ctx, len(texts), inorder.Slice(texts), open) {
		if err != nil {
			return nil, err
		}
		p.warnOfPassed(o)
		all = append(all, o.contents)
	}
	return all, nil
}

// openedManifest is a manifest that a reference names, and those that fit the reference better and do not count.
type openedManifest struct {
	contents *archive.Contents
	passed   []archive.Skipped
}

func openNamed(ctx context.Context, r *repo.Repo, text string) (openedManifest, error) {
	ref, err := parseRef(text)
	if err != nil {
		return openedManifest{}, &hint.Usage{Text: err.Error()}
	}
	contents, passed, err := archive.OpenNamed(ctx, r, ref)
	if errors.Is(err, history.ErrNoMatch) || errors.Is(err, history.ErrAmbiguous) {
		return openedManifest{}, &hint.Error{Text: err.Error(), Hint: ui.Safe(referenceHint(ctx, r, ref)), Err: err}
	}
	return openedManifest{contents, passed}, err
}

// warnOfPassed warns of manifests that fit a reference better than the one that was opened.
func (p *program) warnOfPassed(o openedManifest) {
	for _, over := range o.passed[:min(len(o.passed), maxRemarks)] {
		h, head := over.Head, o.contents.Head
		if over.Err != nil {
			p.Warn("manifest %s of %s is ignored: %s", shortID(h), ui.Time(h.Time), ui.OneLine(over.Err.Error()))
			continue
		}
		p.Warn("the store got manifest %s of %s at %s, long after its time: it is a copy or a repair, or somebody dated it back. "+
			"Using %s of %s; name the other by its id if you want it", shortID(h), ui.Time(h.Time), ui.Time(h.Stored), shortID(head), ui.Time(head.Time))
	}
}

// referenceHint returns a hint for a reference that matches no manifest, or manifests of several accounts.
func referenceHint(ctx context.Context, r *repo.Repo, ref history.Ref) string {
	var accounts []string
	var heads []repo.Head
	for s, err := range archive.Manifests(ctx, r) {
		if err != nil {
			continue
		}
		heads = append(heads, s.Head)
		if !slices.Contains(accounts, s.Manifest.Account) {
			accounts = append(accounts, s.Manifest.Account)
		}
	}
	slices.Sort(accounts)
	slices.SortFunc(heads, func(a, b repo.Head) int { return a.Time.Compare(b.Time) })
	switch {
	case len(heads) == 0:
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
		shortID(oldest), ui.Time(oldest.Time), shortID(newest), ui.Time(newest.Time))
}

// maxAccounts is the number of accounts that a hint names.
const maxAccounts = 12

// nameAccounts returns the names of accounts, or the first ones and the number of the rest.
func nameAccounts(accounts []string) string {
	if more := len(accounts) - maxAccounts; more > 1 {
		return fmt.Sprintf("the accounts are %s and %s more", strings.Join(accounts[:maxAccounts], ", "), ui.Count(int64(more)))
	}
	return "the accounts are " + strings.Join(accounts, ", ")
}

// mailbox returns a mailbox of a manifest, or an error with the nearest name.
func (p *program) mailbox(ctx context.Context, r *repo.Repo, c *archive.Contents, name string) (*manifest.Mailbox, error) {
	mailbox, err := c.Mailbox(ctx, name)
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil, unknownMailbox(ctx, r, c, job.Pattern(name))
	}
	return mailbox, err
}

// unknownMailbox returns an error with a hint: the last manifest that has the mailbox, or else the nearest name.
func unknownMailbox(ctx context.Context, r *repo.Repo, c *archive.Contents, name job.Pattern) error {
	if head, messages, ok := lastSeen(ctx, r, c, name); ok {
		return &hint.Error{
			Text: fmt.Sprintf("manifest %s has no mailbox %s", shortID(c.Head), ui.Quote(string(name))),
			Hint: fmt.Sprintf("it is in manifest %s of %s, with %s", shortID(head), ui.Time(head.Time), ui.Plural(messages, "message")),
			Err:  mail.ErrNoMailbox,
		}
	}
	var names []string
	for mailbox, err := range c.Mailboxes(ctx) {
		if err == nil {
			names = append(names, mailbox.Name)
		}
	}
	return job.NoMailbox("manifest "+shortID(c.Head), string(name), names, fmt.Sprintf("mailstrata ls %s lists the mailboxes", shortID(c.Head)))
}

// maxSearched is the number of manifests that are searched for a hint.
const maxSearched = 400

// lastSeen looks for a mailbox in the other manifests of an account: first in those before this one, the newest first,
// then in those after it. A user who looks for a deleted folder gets the night to restore from.
func lastSeen(ctx context.Context, r *repo.Repo, c *archive.Contents, name job.Pattern) (head repo.Head, messages int64, ok bool) {
	var before, after []repo.Head
	for s, err := range archive.Manifests(ctx, r) {
		switch {
		case err != nil || s.Manifest.Account != c.Manifest.Account || s.Head.Name == c.Head.Name:
		case s.Head.Time.After(c.Head.Time):
			after = append(after, s.Head)
		default:
			before = append(before, s.Head)
		}
	}
	slices.SortFunc(before, func(a, b repo.Head) int { return b.Time.Compare(a.Time) })
	slices.SortFunc(after, func(a, b repo.Head) int { return a.Time.Compare(b.Time) })
	heads := append(before, after...)
	for _, head := range heads[:min(len(heads), maxSearched)] {
		other, err := archive.OpenManifest(ctx, r, head)
		if err != nil {
			continue
		}
		for mailbox, err := range other.Mailboxes(ctx) {
			if err == nil && name.Matches(&mailbox.Mailbox) {
				messages += mailbox.Messages
				ok = true
			}
		}
		if ok {
			return head, messages, true
		}
	}
	return repo.Head{}, 0, false
}

// id returns the id of a manifest, shortID its first digits.
func id(head repo.Head) string      { return hex.EncodeToString(head.ID[:]) }
func shortID(head repo.Head) string { return id(head)[:8] }

// manifestSummary is a manifest as JSON.
type manifestSummary struct {
	ID          string    `json:"id"`
	Account     string    `json:"account"`
	Time        time.Time `json:"time"`              // when it was committed, by the store's clock
	Stored      time.Time `json:"stored,omitzero"`   // when the store got the object
	Belated     bool      `json:"belated,omitempty"` // long after its time, and after another of the account that came in time
	Lost        []string  `json:"lost,omitempty"`    // losses since the one before it that have no alarm
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	Source      string    `json:"source"`
	State       string    `json:"state"`      // complete or checkpoint
	Consistent  bool      `json:"consistent"` // proven to be the state of the account at one instant
	Mailboxes   int64     `json:"mailboxes"`
	Messages    int64     `json:"messages"`
	Bytes       int64     `json:"bytes"`
	NewMessages int64     `json:"new_messages"`
	NewBytes    int64     `json:"new_bytes"`
	ByID        int64     `json:"by_id_messages"` // not downloaded, but taken from archived messages with the same ids
	ByIDBytes   int64     `json:"by_id_bytes"`
	Erased      int64     `json:"erased_messages,omitempty"`
	Failures    int64     `json:"failures"` // messages, or whole mailboxes, that could not be read
	Warnings    int       `json:"warnings"`
	Alarms      int       `json:"alarms"` // what shrank or changed suspiciously
	Parent      string    `json:"parent,omitempty"`
	Program     string    `json:"program"`
}

func summarize(head repo.Head, m *manifest.Manifest) manifestSummary {
	s := manifestSummary{
		ID: id(head), Account: m.Account, Time: head.Time.UTC(), Stored: head.Stored.UTC(), Start: m.Start.UTC().Truncate(time.Millisecond), End: m.End.UTC().Truncate(time.Millisecond), Source: m.Source,
		State: m.State.String(), Consistent: m.Consistent,
		Mailboxes: m.Totals.Mailboxes, Messages: m.Totals.Messages, Bytes: m.Totals.Bytes,
		NewMessages: m.Totals.NewMessages, NewBytes: m.Totals.NewBytes,
		ByID: m.Totals.TakenMessages, ByIDBytes: m.Totals.TakenBytes, Erased: m.Totals.Erased,
		Failures: m.Totals.Failures, Warnings: len(m.Warnings), Alarms: len(m.Alarm),
		Program: m.Program,
	}
	if m.Parent != [32]byte{} {
		s.Parent = hex.EncodeToString(m.Parent[:])
	}
	return s
}

// remarks returns what is wrong with the manifest, in a few words.
func (s *manifestSummary) remarks() string {
	var words []string
	if s.State != manifest.Complete.String() {
		words = append(words, s.State)
	}
	if !s.Consistent && s.State == manifest.Complete.String() {
		words = append(words, "not consistent")
	}
	if s.Failures > 0 {
		words = append(words, ui.Plural(s.Failures, "failure"))
	}
	if s.Alarms > 0 {
		words = append(words, "shrank")
	}
	if len(s.Lost) > 0 {
		words = append(words, "lacks mail")
	}
	if s.Warnings > 0 {
		words = append(words, ui.Plural(s.Warnings, "warning"))
	}
	if s.Belated {
		words = append(words, "belated")
	}
	return strings.Join(words, ", ")
}

// color returns the color of the remarks.
func (s *manifestSummary) color() ui.Color {
	switch {
	case s.Failures > 0 || s.Alarms > 0 || len(s.Lost) > 0:
		return ui.Red
	case s.Belated || s.Warnings > 0 || s.State != manifest.Complete.String():
		return ui.Yellow
	}
	return ui.Plain
}
