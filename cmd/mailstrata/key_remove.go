package main

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

type keyRemoveCommand struct {
	IDs []string `arg:"" name:"id" help:"The ids of the keys (see \"mailstrata key list\")."`
}

func (*keyRemoveCommand) Help() string {
	return `The key opens nothing any more. You cannot remove the last owner's key.

Somebody who used the key before may have kept what it opened, and can read what they get of the repository, old mail and new. If they must not read new mail, rotate the keys afterwards (mailstrata key rotate), and revoke their credentials for the store. Nothing revokes what they could read already.

EXAMPLES

    mailstrata key remove 3f9a01c2

` + exitStatus
}

func (c *keyRemoveCommand) Run(ctx context.Context, p *program) error {
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
	p.Note("Somebody who used it may have kept what it opened: mailstrata key rotate seals new data with new keys.")
	return nil
}

func (c *keyRemoveCommand) remove(ctx context.Context, p *program, r *repo.Repo, s repo.Slot) error {
	err := r.RemoveSlot(ctx, s.Name)
	if errors.Is(err, store.ErrRetained) {
		p.Warn("the store retains %s: mailstrata ignores it now, but age can still open what it holds", s.Name)
		err = nil
	}
	if err != nil {
		return err
	}
	if p.flags.JSON {
		return p.PrintJSON(summarizeKey(r, s))
	}
	p.Printf("removed key %s", describeKey(s))
	return nil
}
