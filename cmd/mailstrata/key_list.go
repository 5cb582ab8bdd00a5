package main

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/ui"
)

type keyListCommand struct{}

func (*keyListCommand) Help() string {
	return `An owner's key does everything. A writer's key archives and lists, but can neither read mail nor delete, nor change keys. The fingerprint stays the same until "mailstrata key rotate --keeper"; a host that sees another one stops.

` + exitStatus
}

func (c *keyListCommand) Run(ctx context.Context, p *program) error {
	r, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	slots, err := r.Slots(ctx)
	if err != nil {
		return err
	}
	if p.flags.JSON {
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
