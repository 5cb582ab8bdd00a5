package keys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Key adds, exports, prints, lists, removes and rotates keys.
type Key struct {
	Add    keyAddCommand    `cmd:"" help:"Add a passphrase, a key file or a public key."`
	Export keyExportCommand `cmd:"" help:"Write a copy of the key file."`
	Sheet  keySheetCommand  `cmd:"" help:"Make a page to print, with the key and how to get the mail back."`
	List   keyListCommand   `cmd:"" help:"List the keys and their roles."`
	Remove keyRemoveCommand `cmd:"" help:"Remove a key."`
	Rotate keyRotateCommand `cmd:"" help:"Use new keys for new data, after a key was stolen."`
}

// keySummary is a key as JSON.
type keySummary struct {
	ID          string `json:"id"`
	Role        string `json:"role"`
	Kind        string `json:"kind"`
	Recipient   string `json:"recipient,omitempty"`
	Label       string `json:"label,omitempty"`
	Made        string `json:"made"`
	Current     bool   `json:"current"`
	Missing     bool   `json:"missing"`
	Fingerprint string `json:"fingerprint"`
}

func summarizeKey(r *repo.Repo, s repo.Slot) keySummary {
	return keySummary{
		ID: s.ID, Role: string(s.Role), Kind: s.Kind, Recipient: s.Recipient, Label: s.Label,
		Made: s.Made.UTC().Format("2006-01-02T15:04:05Z"), Current: s.Current, Missing: s.Missing, Fingerprint: r.Fingerprint(),
	}
}

// findKey returns the key whose id begins with these digits.
func findKey(slots []repo.Slot, id string) (found repo.Slot, err error) {
	n := 0
	for _, s := range slots {
		_, hash, _ := strings.Cut(s.Name, "-")
		if id != "" && strings.HasPrefix(hash, strings.ToLower(id)) {
			found = s
			n++
		}
	}
	advice := "mailstrata key list shows the ids"
	switch n {
	case 0:
		return found, &hint.Error{Text: "no key has the id " + ui.Quote(id), Hint: advice}
	case 1:
		return found, nil
	}
	return found, &hint.Error{
		Text: fmt.Sprintf("%d keys have an id that begins with %s", n, ui.Quote(id)), Hint: advice,
	}
}

// describeKey returns a key in a few words.
func describeKey(s repo.Slot) string {
	text := fmt.Sprintf("%s (%s, %s", s.ID, s.Role, s.Kind)
	if s.Label != "" {
		text += ", " + ui.Quote(s.Label)
	}
	return text + ")"
}

type keyListCommand struct{}

func (*keyListCommand) Help() string {
	return `An owner's key does everything. A writer's key archives and lists, but can neither read mail nor delete, nor change keys. The fingerprint stays the same until "mailstrata key rotate --keeper"; a host that sees another one stops.

` + cli.ExitStatus
}

func (c *keyListCommand) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	slots, err := r.Slots(ctx)
	if err != nil {
		return err
	}
	if p.JSON {
		for _, s := range slots {
			err = errors.Join(err, p.PrintJSON(summarizeKey(r, s)))
		}
		return err
	}
	p.Facts("fingerprint", r.Fingerprint())
	p.Printf("")
	t := p.Table("ID", "ROLE", "KIND", "LABEL", "MADE", "REMARKS")
	defer t.Flush()
	for _, s := range slots {
		remark := ""
		switch {
		case s.Missing:
			remark = "missing from the store: opens nothing"
		case s.Current:
			remark = "in use now"
		}
		t.Row(s.ID, string(s.Role), s.Kind, s.Label, ui.Time(s.Made), remark)
	}
	return nil
}

type keyExportCommand struct {
	File string `arg:"" type:"path" help:"Where to write the copy: a new file on another disk; - prints it."`
}

func (*keyExportCommand) Help() string {
	return `Writes a copy of the key file that opens the repository. Keep it somewhere else: on a stick, in a password manager, on paper. Without its key, a repository cannot be read.

EXAMPLES

    mailstrata key export /media/stick/mailstrata.key
    mailstrata key export - | lpr

` + cli.ExitStatus
}

func (c *keyExportCommand) Run(ctx context.Context, p *cli.Program) error {
	l, err := p.Location("")
	if err != nil {
		return err
	}
	r, err := l.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	from := l.KeyFile()
	if from == "" {
		return &hint.Error{
			Text: "the repository was opened without a key file, so there is no file to copy",
			Hint: "mailstrata key add --new-key-file FILE makes another key",
		}
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("read the key file: %w", err)
	}
	if c.File == "-" {
		p.Page()
		p.Printf("%s", strings.TrimRight(string(text), "\n"))
		p.RecordCopy(r)
		return nil
	}
	err = secret.WriteNew(c.File, string(text))
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists; mailstrata never replaces a key file", c.File)
	}
	if err != nil {
		return err
	}
	p.RecordCopy(r)
	role := "writer"
	if r.CanRemove() {
		role = "owner"
	}
	if p.JSON {
		return p.PrintJSON(struct {
			KeyFile     string `json:"key_file"`
			Role        string `json:"role"`
			Fingerprint string `json:"fingerprint"`
		}{c.File, role, r.Fingerprint()})
	}
	p.Facts("key file", c.File, "role", role, "fingerprint", r.Fingerprint())
	return nil
}

type keyRemoveCommand struct {
	IDs []string `arg:"" name:"id" help:"The ids of the keys (see \"mailstrata key list\")."`
}

func (*keyRemoveCommand) Help() string {
	return `The key opens nothing any more. You cannot remove the last owner's key.

A former holder of the key may have kept what it opened, and can read what they get of the repository, old mail and new. If they must not read new mail, rotate the keys afterwards (mailstrata key rotate), and revoke their credentials for the store. Nothing revokes what they could read already.

EXAMPLES

    mailstrata key remove 3f9a01c2

` + cli.ExitStatus
}

func (c *keyRemoveCommand) Run(ctx context.Context, p *cli.Program) error {
	r, _, err := p.OpenToChangeKeys(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	slots, err := r.Slots(ctx)
	if err != nil {
		return err
	}
	var found []repo.Slot
	for _, id := range c.IDs {
		s, err := findKey(slots, id)
		if err != nil {
			return err
		}
		found = append(found, s)
	}
	for _, s := range found {
		if err := c.remove(ctx, p, r, s); err != nil {
			return err
		}
	}
	p.Note("A former holder may have kept what it opened: mailstrata key rotate seals new data with new keys.")
	return nil
}

func (c *keyRemoveCommand) remove(ctx context.Context, p *cli.Program, r *repo.Repo, s repo.Slot) error {
	err := r.RemoveSlot(ctx, s.Name)
	if errors.Is(err, store.ErrRetained) {
		p.Warn("the store retains %s: mailstrata ignores it now, but age can still open what it holds", s.Name)
		err = nil
	}
	if err != nil {
		return err
	}
	if p.JSON {
		return p.PrintJSON(summarizeKey(r, s))
	}
	p.Printf("removed key %s", describeKey(s))
	return nil
}

type keyRotateCommand struct {
	Keeper bool `help:"Also change the keeper, who signs deletions and changes of keys: for a stolen owner's key. The fingerprint changes."`
}

func (*keyRotateCommand) Help() string {
	return `Seals new data with new keys. All key files, public keys and passphrases in the list still open old and new mail, and hosts notice nothing. Remove a stolen key first. Only the passphrase that you give is kept: remove other passphrases before, and add them again afterwards.

Data that is stored already stays sealed with the old keys. The secret that names chunks does not change either: holders of an old key can still find out whether a message that they have is archived, and add objects while they can write to the store. Revoke their credentials for the store. With --keeper they can no longer sign deletions or changes of keys.

After --keeper, give the new fingerprint to each host once, with --trust. Do not rotate while forget or prune runs.

EXAMPLES

    mailstrata key remove 3f9a01c2 && mailstrata key rotate
    mailstrata key rotate --keeper

` + cli.ExitStatus
}

func (c *keyRotateCommand) Run(ctx context.Context, p *cli.Program) error {
	r, l, err := p.OpenToChangeKeys(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	before := r.Fingerprint()
	retained, err := r.Rotate(ctx, repo.Rotation{
		Keeper: c.Keeper, Passphrase: l.AskOnce(ctx), ScryptWork: p.ScryptWork,
	})
	if err != nil {
		return fmt.Errorf("rotate the keys: %w", err)
	}
	slots, err := r.Slots(ctx)
	if err != nil {
		return err
	}
	for _, name := range retained {
		p.Warn("the store retains %s: mailstrata ignores it now, but age can still open the old keys in it", name)
	}
	if p.JSON {
		return p.PrintJSON(struct {
			Keys        int      `json:"keys"`
			Fingerprint string   `json:"fingerprint"`
			Retained    []string `json:"retained"`
		}{len(slots), r.Fingerprint(), append([]string{}, retained...)})
	}
	p.Printf("%s rotated: new data is sealed with new keys", ui.Plural(len(slots), "key"))
	p.Facts("fingerprint", r.Fingerprint())
	if r.Fingerprint() != before {
		p.Note("The fingerprint has changed. Give it to each host once: --trust %s", r.Fingerprint())
	}
	return nil
}
