package main

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

type keyRotateCommand struct {
	Keeper bool `help:"Also change the keeper, who signs deletions and changes of keys: for a stolen owner's key. The fingerprint changes."`
}

func (*keyRotateCommand) Help() string {
	return `Seals new data with new keys. All key files, public keys and passphrases in the list still open old and new mail, and hosts notice nothing. Remove a stolen key first. Only the passphrase that you give is kept: remove other passphrases before, and add them again afterwards.

Data that is stored already stays sealed with the old keys. The secret that names chunks does not change either: somebody with an old key can still find out whether a message that they have is archived, and add objects while they can write to the store. Revoke their credentials for the store. With --keeper they can no longer sign deletions or changes of keys.

After --keeper, give the new fingerprint to each host once, with --trust. Do not rotate while forget or prune runs.

EXAMPLES

    mailstrata key remove 3f9a01c2 && mailstrata key rotate
    mailstrata key rotate --keeper

` + exitStatus
}

func (c *keyRotateCommand) Run(ctx context.Context, p *program) error {
	r, l, err := p.OpenToChangeKeys(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	before := r.Fingerprint()
	retained, err := r.Rotate(ctx, repo.Rotation{Keeper: c.Keeper, Passphrase: l.AskOnce(ctx), ScryptWork: p.scryptWork})
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
	if p.flags.JSON {
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
