package retain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/erase"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

// Erase erases an account or a message from all manifests.
type Erase struct {
	Words   []string `arg:"" name:"account" help:"The account. With --message: the message."`
	Message bool     `help:"Erase a message: its hash (mailstrata ls --json, find --json), its Message-ID, or MANIFEST MAILBOX UID."`
	Confirm string   `placeholder:"WORD" help:"What you would type to confirm, for scripts: the name of the account, the first 8 digits of the hash of one message, or the number of messages."`
	DryRun  bool     `short:"n" help:"Only show what would be erased."`
}

func (*Erase) Help() string {
	return `Erases an account, or a message, from all manifests. This cannot be undone. backup, copy and repair do not store it again, even if the server or another repository still has it. Pins and rules do not protect it.

A message is erased from every mailbox of every account that has the same bytes. mailstrata writes each manifest with the message again without it. If you erase an account, backup refuses its name from then on.

The bytes are gone after two prunes, the first a day later at the earliest, the second a day after that; in a repository under lock, when their locks have ended. Chunks that other mail also has stay. Keyed hashes of the account's name and of the messages stay. Erase copies in other repositories there, too.

You confirm by typing the name of the account, or what the question says. erase needs an owner's key.

` + cli.ManifestHelp + `

EXAMPLES

    mailstrata erase anna@mail.example --dry-run
    mailstrata erase anna@mail.example
    mailstrata erase --message latest INBOX 4711
    mailstrata erase --message '<20260314.4711@mail.example>'
    mailstrata erase anna@mail.example --confirm anna@mail.example

EXIT STATUS

0 done; 1 failed, or not confirmed; 2 invalid command line; 3 done, but a damaged manifest or page may still hold it; 130 interrupted.`
}

func (c *Erase) Run(ctx context.Context, p *cli.Program) error {
	if n := len(c.Words); !c.Message && n != 1 || c.Message && n != 1 && n != 3 {
		return &hint.Usage{
			Text: "erase takes one account, or with --message one message",
			Hint: "mailstrata erase --message takes a hash, a Message-ID, or MANIFEST MAILBOX UID",
		}
	}
	r, err := p.OpenAsOwner(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	progress := p.Progress("read")
	progress.Begin("looking for what to erase")
	plan, err := c.plan(ctx, p, r)
	progress.Done()
	if err != nil {
		return err
	}
	summary := summarizeErasure(plan, c.DryRun)
	if !p.JSON {
		printErasure(p, plan)
	}
	if c.DryRun {
		return endErasure(p, summary, plan, nil)
	}
	if err := c.confirm(ctx, p, plan); err != nil {
		return err
	}
	report, err := plan.Apply(ctx, func(rewrite.Rewritten) { progress.Update("", ui.Tally{}) })
	if err != nil {
		return fmt.Errorf("%w; run the same command again to complete it", err)
	}
	return endErasure(p, summary, plan, report)
}

// plan finds what the arguments name.
func (c *Erase) plan(ctx context.Context, p *cli.Program, r *repo.Repo) (*erase.Plan, error) {
	if !c.Message {
		plan, err := erase.PlanAccount(ctx, r, c.Words[0])
		if errors.Is(err, erase.ErrNothing) {
			return nil, named.NoAccount(c.Words[0], named.Accounts(ctx, r))
		}
		return plan, err
	}
	hashes, err := c.hashes(ctx, p, r)
	if err != nil {
		return nil, err
	}
	return erase.PlanMessages(ctx, r, hashes)
}

// hashes returns the hashes of the messages that the arguments name.
func (c *Erase) hashes(ctx context.Context, p *cli.Program, r *repo.Repo) ([]chunk.ID, error) {
	word := c.Words[0]
	if len(c.Words) == 3 {
		uid, err := strconv.ParseUint(c.Words[2], 10, 32)
		if err != nil || uid == 0 {
			return nil, hint.Usagef("%s is not a UID", ui.Quote(c.Words[2]))
		}
		contents, err := named.Manifest(ctx, p.Output, r, word)
		if err != nil {
			return nil, err
		}
		mailbox, err := named.Mailbox(ctx, r, contents, c.Words[1])
		if err != nil {
			return nil, err
		}
		entry, err := contents.Entry(ctx, mailbox, mail.UID(uid))
		if err != nil {
			return nil, err
		}
		return []chunk.ID{entry.Hash}, nil
	}
	if hash, err := hex.DecodeString(word); err == nil && len(hash) == len(chunk.ID{}) {
		return []chunk.ID{chunk.ID(hash)}, nil
	}
	if !strings.Contains(word, "@") {
		return nil, &hint.Usage{
			Text: ui.Quote(word) + " is neither the hash of a message nor a Message-ID",
			Hint: "mailstrata find --json shows the hashes; or give MANIFEST MAILBOX UID",
		}
	}
	return byMessageID(ctx, r, word)
}

// byMessageID finds the messages with a Message-ID, in all nights.
func byMessageID(ctx context.Context, r *repo.Repo, id string) (hashes []chunk.ID, err error) {
	if err := access.MayRead(r); err != nil {
		return nil, err
	}
	whole := "<" + strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">") + ">"
	for found, err := range search.FindAll(ctx, r, "", search.Query{MessageID: whole}, nil) {
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", whole, err)
		}
		hashes = append(hashes, found.Entry.Hash)
	}
	if len(hashes) == 0 {
		return nil, fmt.Errorf("%w with the Message-ID %s", archive.ErrNoMessage, whole)
	}
	return hashes, nil
}

// confirmingWord returns the word that the user types to confirm a plan.
func confirmingWord(plan *erase.Plan) string {
	switch {
	case plan.Account != "":
		return plan.Account
	case len(plan.Messages) == 1:
		return hex.EncodeToString(plan.Messages[0].Hash[:4])
	}
	return strconv.Itoa(len(plan.Messages))
}

// confirm has the user type what is to be erased.
func (c *Erase) confirm(ctx context.Context, p *cli.Program, plan *erase.Plan) error {
	word := confirmingWord(plan)
	if c.Confirm != "" {
		if c.Confirm != word {
			return hint.Usagef("--confirm %s: nothing was changed; this needs --confirm %s",
				ui.Quote(c.Confirm), ui.Quote(word))
		}
		return nil
	}
	question := fmt.Sprintf("This cannot be undone. Type %s to erase it: ", ui.Safe(word))
	noTerminal := &hint.Error{
		Text: "nothing was changed: there is no terminal to confirm on",
		Hint: "--confirm " + ui.Quote(word) + " confirms it",
	}
	return p.Confirm(ctx, question, noTerminal, func(answer string) bool { return answer == word })
}

// erasureSummary describes an erasure in JSON.
type erasureSummary struct {
	DryRun    bool            `json:"dry_run"`
	Account   string          `json:"account,omitempty"`
	Messages  []erasedMessage `json:"messages"`
	Manifests int             `json:"manifests"`
	Packs     int             `json:"packs"`

	SharedChunks int        `json:"shared_chunks"`
	SharedBytes  int64      `json:"shared_bytes"`
	LockedUntil  *time.Time `json:"locked_until,omitempty"`

	Rewritten int               `json:"rewritten_manifests"`
	Marked    int               `json:"marked_manifests"`
	Damaged   []damagedManifest `json:"damaged_manifests"`
	Unread    int               `json:"unread_pieces"`
	GoneAt    *time.Time        `json:"gone_at,omitempty"`
}

type erasedMessage struct {
	Hash   string        `json:"hash"`
	Size   int64         `json:"size"`
	Date   string        `json:"date"`
	Places []erasedPlace `json:"places"`
	More   int           `json:"more_places,omitempty"`
}

type erasedPlace struct {
	Account string `json:"account"`
	Mailbox string `json:"mailbox"`
	UID     uint32 `json:"uid"`
}

type damagedManifest struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

func summarizeErasure(plan *erase.Plan, dry bool) *erasureSummary {
	s := &erasureSummary{
		DryRun: dry, Account: plan.Account, Messages: []erasedMessage{}, Manifests: plan.Manifests, Packs: plan.Packs,
		SharedChunks: plan.Shared.Chunks, SharedBytes: plan.Shared.Bytes, Damaged: []damagedManifest{}, Unread: plan.Unread,
	}
	for _, m := range plan.Messages {
		message := erasedMessage{Hash: hex.EncodeToString(m.Hash[:]), Size: m.Size, Date: m.Date.String(), More: m.More}
		for _, place := range m.Places {
			message.Places = append(message.Places, erasedPlace{place.Account, place.Mailbox, uint32(place.UID)})
		}
		s.Messages = append(s.Messages, message)
	}
	if !plan.Locked.IsZero() {
		until := plan.Locked.UTC()
		s.LockedUntil = &until
	}
	return s
}

// printErasure shows what is to be erased.
func printErasure(p *cli.Program, plan *erase.Plan) {
	for _, m := range plan.Messages {
		p.Printf("message %x  %s  %s", m.Hash[:4], ui.Safe(m.Date.String()), ui.Size(m.Size))
		for _, place := range m.Places {
			p.Printf("  %s", ui.Safe(fmt.Sprintf("%s  %s  UID %d", place.Account, place.Mailbox, place.UID)))
		}
		if m.More > 0 {
			p.Printf("  and %s more", ui.Plural(m.More, "place"))
		}
	}
	shared := ""
	if plan.Shared.Chunks > 0 {
		shared = fmt.Sprintf("%s, %s, which other mail also uses, for example %s", ui.Plural(int64(plan.Shared.Chunks), "chunk"),
			ui.Size(plan.Shared.Bytes), plan.Shared.Example)
	}
	locked := ""
	if !plan.Locked.IsZero() {
		locked = "the store keeps it until " + ui.Time(plan.Locked) + ", and longer if the locks are renewed before the first prune"
	}
	p.Facts(
		"account", plan.Account,
		"in", ui.Plural(int64(plan.Manifests), "manifest")+" and "+ui.Plural(int64(plan.Packs), "pack"),
		"stays", shared,
		"locked", locked,
	)
}

// endErasure reports what was done. Without a report, nothing was done.
func endErasure(p *cli.Program, s *erasureSummary, plan *erase.Plan, report *erase.Report) error {
	unread, damage := plan.Unread, plan.Damage
	if report != nil {
		gone := report.Gone().UTC()
		s.Rewritten, s.Marked, s.GoneAt = report.Rewritten, report.Marked, &gone
		s.Unread, unread, damage = report.Unread, report.Unread, report.Damage
		for _, d := range report.Damaged {
			s.Damaged = append(s.Damaged, damagedManifest{summary.ID(d.Old), d.Err.Error()})
		}
	}
	if p.JSON {
		if err := p.PrintJSON(s); err != nil {
			return err
		}
	}
	if report != nil && !p.JSON {
		p.Printf("%s rewritten without it, %d marked", ui.Plural(int64(report.Rewritten), "manifest"), report.Marked)
		p.Note("the store keeps its bytes until two prunes have run, one a day from now and one a day after that: until %s at the earliest", ui.Time(report.Gone()))
		p.Note("copies in other repositories stay: run mailstrata erase there, too")
		if report.Spills > 0 {
			p.Note("a backup is under way on this host, and may hold it in %s until it ends",
				ui.Plural(int64(report.Spills), "file"))
		}
	}
	if report != nil {
		warnDamaged(p, report)
	}
	if unread > 0 {
		p.Warn("%s cannot be read and may hold it: %s",
			ui.Plural(int64(unread), "page or table"), ui.OneLine(damage.Error()))
	}
	if unread > 0 || len(s.Damaged) > 0 {
		return cli.Partial("not everything could be read or rewritten; mailstrata check shows what is damaged")
	}
	return nil
}

// warnDamaged names the manifests that still hold what was erased.
func warnDamaged(p *cli.Program, report *erase.Report) {
	for _, d := range report.Damaged {
		name := hex.EncodeToString(d.Old.ID[:4])
		p.Warn("manifest %s still holds it, because it cannot be rewritten: %s. To keep its other mail, run mailstrata repair manifest %s; then run mailstrata forget %s",
			name, strings.TrimSuffix(ui.OneLine(d.Err.Error()), "."), name, name)
	}
}
