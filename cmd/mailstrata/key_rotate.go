package main

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

type keyRotateCommand struct {
	Keeper bool `help:"Change the keeper too, who signs removals and changes of keys: where an owner's key came into wrong hands. The fingerprint changes."`
}

func (*keyRotateCommand) Help() string {
	return `What is stored from now on is sealed to new keys. Every key that is listed is made anew and opens old and new mail: key files, public keys and passphrases stay as they are, and hosts notice nothing. Remove a key that came into wrong hands first, for it would be made anew too. One passphrase can be kept, the one that is given; others must be removed before and added again afterwards.

What does not change: what is stored already stays sealed to the old keys, and who has these can read it. The secret under which content is named and tagged stays, since all mail would have to be stored again under another; so who had any key can still tell whether a message that he has is archived, and, while he can write to the store, add objects that look like an honest host's. Take his credentials for the store away. With --keeper he can no longer sign removals, or further changes of keys.

After --keeper every other host and key file knows an old fingerprint: name the new one to each host once, with --trust. Rotate while no forget or prune is running.

EXAMPLES

    mailstrata key remove 3f9a01c2 && mailstrata key rotate
    mailstrata key rotate --keeper

JSON: one object with keys, fingerprint, retained (names of old key objects that the store would not delete).

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
		p.Warn("the store retains %s: it opens nothing here any more, but what was stored before, with age", name)
	}
	if p.flags.JSON {
		return p.PrintJSON(struct {
			Keys        int      `json:"keys"`
			Fingerprint string   `json:"fingerprint"`
			Retained    []string `json:"retained"`
		}{len(slots), r.Fingerprint(), append([]string{}, retained...)})
	}
	p.Printf("%s made anew: what is stored from now on is sealed to new keys", ui.Plural(len(slots), "key"))
	p.Facts("fingerprint", r.Fingerprint())
	if r.Fingerprint() != before {
		p.Note("The fingerprint is another than before. Tell each host, once: --trust %s", r.Fingerprint())
	}
	return nil
}
