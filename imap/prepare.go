package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// preparation is the making of mailboxes on a target.
type preparation struct {
	c      *Client
	m      mapping
	there  map[string]*mail.Mailbox // what the target has, by naming.same
	wanted map[string]bool          // by naming.same, the names closest to those of the mailboxes that are restored
	uses   map[string]string        // special uses, and the mailboxes that have them
	notes  []string
}

func (p *preparation) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// look lists what the target has.
func (p *preparation) look(ctx context.Context) error {
	l, err := p.c.list(ctx)
	if err != nil {
		return err
	}
	boxes := l.mailboxes(func(string) bool { return true })
	p.there, p.uses = map[string]*mail.Mailbox{}, map[string]string{}
	for i := range boxes {
		box := &boxes[i]
		p.there[naming{}.same(box.Raw)] = box
		for _, use := range box.SpecialUse {
			p.uses[strings.ToLower(use)] = box.Name
		}
	}
	if p.m == (mapping{}) {
		spaces, err := p.c.Namespaces(ctx)
		if err != nil && p.c.dead != nil {
			return err
		}
		p.m = newMapping(spaces, boxes)
	}
	return nil
}

func (p *preparation) has(raw string) bool {
	box := p.there[naming{}.same(raw)]
	return box != nil && box.Selectable()
}

// places maps every mailbox, and refuses before anything is made if two would become one.
func (p *preparation) places(mailboxes []mail.Mailbox) ([]restore.Place, error) {
	places := make([]restore.Place, len(mailboxes))
	taken := map[string]string{}
	p.wanted = map[string]bool{}
	for i := range mailboxes {
		p.wanted[naming{}.same(p.m.names(&mailboxes[i])[0])] = true
	}
	for i := range mailboxes {
		box := &mailboxes[i]
		names := p.m.names(box)
		name := names[0]
		if own := p.sameUse(box); own != "" {
			name = own
		}
		has := func(name string) bool { return p.has(name) && !p.wanted[naming{}.same(name)] }
		if i := slices.IndexFunc(names, has); !p.has(name) && i >= 0 {
			name = names[i] // an earlier restore had to
		}
		places[i] = restore.Place{Mailbox: box.Name, Name: name, Skip: !box.Selectable()}
		if places[i].Skip {
			continue
		}
		if other, twice := taken[naming{}.same(name)]; twice {
			return nil, fmt.Errorf("the mailboxes %q and %q would both be %q on %s", other, box.Name, printableName(name), p.c.opts.Host)
		}
		taken[naming{}.same(name)] = box.Name
	}
	return places, nil
}

// make creates what is not there yet, and subscribes.
func (p *preparation) make(ctx context.Context, mailboxes []mail.Mailbox, places []restore.Place) error {
	for i := range places {
		box, place := &mailboxes[i], &places[i]
		if !place.Skip && !p.has(place.Name) {
			if err := p.create(ctx, box, place); err != nil {
				return err
			}
		}
		if box.Subscribed && !place.Skip {
			if err := p.c.Subscribe(ctx, place.Name); p.c.dead != nil {
				return err
			} else if err != nil {
				p.note("mailbox %s: not subscribed to: %v", box.Name, err)
			}
		}
	}
	return nil
}

// create makes one mailbox. A refusal of the name is answered with names that more servers take.
func (p *preparation) create(ctx context.Context, box *mail.Mailbox, place *restore.Place) error {
	err := p.createWithUse(ctx, box, place.Name)
	for _, name := range p.m.names(box) {
		if !isRefused(err) {
			break
		}
		if name == place.Name || p.has(name) || p.wanted[naming{}.same(name)] { // the name is another mailbox's
			continue
		}
		if p.createWithUse(ctx, box, name) == nil {
			p.note("mailbox %s: it is %s there, for the server refused its name", box.Name, printableName(name))
			place.Name, err = name, nil
		}
	}
	if p.c.dead != nil || err != nil && !isRefused(err) {
		return err
	}
	if err != nil {
		p.note("mailbox %s cannot be made: %v", box.Name, err)
		place.Skip = true
		return nil
	}
	p.there[naming{}.same(place.Name)] = &mail.Mailbox{Raw: place.Name, Name: box.Name}
	return nil
}

// createWithUse gives the mailbox its special use if no other has it.
func (p *preparation) createWithUse(ctx context.Context, box *mail.Mailbox, name string) error {
	use := ""
	for _, u := range box.SpecialUse {
		if holder, taken := p.uses[strings.ToLower(u)]; taken {
			p.note("mailbox %s: not marked as %s, which %s is there", box.Name, u, holder)
		} else if p.c.caps.has("CREATE-SPECIAL-USE") && use == "" {
			use = u
		}
	}
	err := p.c.Create(ctx, name, use)
	if use != "" && isRefused(err) {
		p.note("mailbox %s: not marked as %s: %v", box.Name, use, err)
		err = p.c.Create(ctx, name, "")
	} else if use != "" && err == nil {
		p.uses[strings.ToLower(use)] = box.Name
	}
	var refused *Error
	if errors.As(err, &refused) && refused.Code == "ALREADYEXISTS" {
		return nil
	}
	return err
}

func isRefused(err error) bool { return errors.Is(err, archive.ErrRefused) }

// confirm makes sure by a new listing that everything is there.
func (p *preparation) confirm(ctx context.Context, places []restore.Place) error {
	if err := p.look(ctx); err != nil {
		return err
	}
	for i := range places {
		if !places[i].Skip && !p.has(places[i].Name) {
			p.note("mailbox %s was made, but the server does not list it", places[i].Mailbox)
			places[i].Skip = true
		}
	}
	slices.Sort(p.notes)
	p.notes = slices.Compact(p.notes)
	return nil
}
