package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// preparation maps mailboxes to the target and makes the missing ones.
//
// A mailbox goes to the target's mailbox of the same name: of the identical raw name, or else of
// the name in the target's namespace and with its delimiter. If neither exists, preparation looks
// for an escaped name, then for the mailbox with the same special use (the mail of Sent goes to
// "Sent Items" where that is marked as \Sent), and otherwise creates the mailbox under the first
// name that the server accepts. So every mailbox of an account can be restored into that account,
// whatever its name.
type preparation struct {
	c        *imapclient.Client
	gmail    bool // the target is Gmail
	host     string
	m        mapping
	reserved []mail.Mailbox           // of the archive: no other mailbox gets their names
	byRaw    map[string]*mail.Mailbox // what the target has
	byKey    map[string]*mail.Mailbox // the same by imapclient.SameName
	claimed  map[string]bool          // by key: the names closest to those of the archived mailboxes
	uses     map[string]*mail.Mailbox // by special use, in lower case: the mailbox that has it
	notes    []string

	pause    func(ctx context.Context, wait time.Duration) error
	hopeless bool // a mailbox could not be made for a reason that may pass: the others are tried once
}

func (p *preparation) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// list lists what the target has.
func (p *preparation) list(ctx context.Context) error {
	boxes, err := p.c.List(ctx)
	if err != nil {
		return err
	}
	p.addListed(boxes)
	if p.m == (mapping{}) {
		spaces, err := p.c.Namespaces(ctx)
		if err != nil && !p.c.Alive() {
			return err
		}
		p.m = newMapping(spaces, boxes)
	}
	return nil
}

// addListed notes what the target has.
func (p *preparation) addListed(boxes []mail.Mailbox) {
	p.byRaw, p.byKey, p.uses = map[string]*mail.Mailbox{}, map[string]*mail.Mailbox{}, map[string]*mail.Mailbox{}
	for i := range boxes {
		box := &boxes[i]
		p.byRaw[box.Raw] = box
		p.byKey[imapclient.SameName(box.Raw)] = box
		for _, use := range box.SpecialUse {
			p.uses[strings.ToLower(use)] = box
		}
	}
}

// find returns the target's mailbox with a raw name, or nil. Names that differ only in spelling,
// such as R&D and R&-D, are two mailboxes if the target has both.
func (p *preparation) find(raw string) *mail.Mailbox {
	if box := p.byRaw[raw]; box != nil {
		return box
	}
	return p.byKey[imapclient.SameName(raw)]
}

func (p *preparation) has(raw string) bool {
	box := p.find(raw)
	return box != nil && box.Selectable()
}

// key returns the same key for all raw names of the same mailbox of the target.
func (p *preparation) key(raw string) string {
	if box := p.find(raw); box != nil && !strings.EqualFold(box.Raw, "INBOX") {
		return "listed " + box.Raw
	}
	return imapclient.SameName(raw)
}

// identical returns the target's mailbox with the archived raw name, byte for byte, or "". If the
// target divides the name into other levels, or decodes it in another way, it is another mailbox.
func (p *preparation) identical(box *mail.Mailbox) string {
	there := p.byRaw[box.Raw]
	if there == nil || !there.Selectable() || box.IsInbox() {
		return ""
	}
	divided := func(delimiter string) bool { return delimiter != "" && strings.Contains(box.Raw, delimiter) }
	if there.Delimiter != box.Delimiter && (divided(there.Delimiter) || divided(box.Delimiter)) {
		return ""
	}
	if read, ok := mail.DecodeName(there.Raw); ok && read != box.Name && !strings.HasSuffix(read, box.Name) {
		return "" // archived with UTF8=ACCEPT, where "&" is a letter
	}
	return there.Raw
}

// mapPlaces maps every mailbox. It returns an error, before anything is made, if two would become
// one.
func (p *preparation) mapPlaces(mailboxes []mail.Mailbox) ([]restore.Place, error) {
	places := make([]restore.Place, len(mailboxes))
	taken := map[string]string{}
	take := func(i int, name string) {
		places[i].Name = name
		taken[p.key(name)] = mailboxes[i].Name
	}
	free := func(name string) bool { return name != "" && taken[p.key(name)] == "" }
	p.claim(mailboxes)
	for i := range mailboxes {
		box := &mailboxes[i]
		places[i] = restore.Place{Mailbox: box.Name, Skip: !box.Selectable()}
		if name := p.identical(box); !places[i].Skip && free(name) {
			take(i, name)
		}
	}
	for i := range mailboxes { // after all identical ones have their places
		box, names := &mailboxes[i], p.m.names(&mailboxes[i])
		if places[i].Skip {
			places[i].Name = names[0]
		}
		if places[i].Name != "" {
			continue
		}
		name := p.choose(box, names, free)
		if name == "" {
			return nil, fmt.Errorf("the mailboxes %q and %q would both be %q on %s",
				taken[p.key(names[0])], box.Name, wire.PrintableName(names[0]), p.host)
		}
		take(i, name)
	}
	return places, nil
}

// claim notes the names that belong to archived mailboxes.
func (p *preparation) claim(mailboxes []mail.Mailbox) {
	p.claimed = map[string]bool{}
	for _, boxes := range [][]mail.Mailbox{mailboxes, p.reserved} {
		for i := range boxes {
			p.claimed[p.key(p.m.names(&boxes[i])[0])] = true
			if name := p.identical(&boxes[i]); name != "" {
				p.claimed[p.key(name)] = true
			}
		}
	}
}

// choose returns a free name for a mailbox without an identical one: a name that the target has, or
// else the one to make.
func (p *preparation) choose(box *mail.Mailbox, names []string, free func(string) bool) string {
	if own := p.sameUse(box); free(own) {
		return own
	}
	if free(names[0]) && p.has(names[0]) {
		return names[0]
	}
	others := func(name string) bool { return free(name) && !p.claimed[p.key(name)] }
	for _, name := range names {
		if others(name) && p.has(name) { // an earlier restore made it
			return name
		}
	}
	if there := p.alike(box); there != nil && others(there.Raw) {
		p.note("mailbox %s: its messages are in %s, which is marked as %s there",
			box.Name, there.Name, there.SpecialUse[0])
		return there.Raw
	}
	if free(names[0]) {
		return names[0]
	}
	if i := slices.IndexFunc(names, others); i >= 0 {
		return names[i]
	}
	return ""
}

// twins are the special uses (RFC 6154) of mailboxes of which every account has one, under a name
// of its provider.
var twins = []string{`\Archive`, `\Drafts`, `\Junk`, `\Sent`, `\Trash`}

// alike returns the target's mailbox with the special use of an archived one, or nil.
func (p *preparation) alike(box *mail.Mailbox) *mail.Mailbox {
	for _, use := range box.SpecialUse {
		there := p.uses[strings.ToLower(use)]
		if there != nil && there.Selectable() &&
			slices.ContainsFunc(twins, func(twin string) bool { return strings.EqualFold(use, twin) }) {
			return there
		}
	}
	return nil
}

// createMissing creates the missing mailboxes, and subscribes.
func (p *preparation) createMissing(ctx context.Context, mailboxes []mail.Mailbox, places []restore.Place) error {
	refused := map[int]error{} // subscriptions, by index
	for i := range places {
		box, place := &mailboxes[i], &places[i]
		if !place.Skip && !p.has(place.Name) {
			if err := p.create(ctx, box, place); err != nil {
				return err
			}
		}
		if box.Subscribed && !place.Skip {
			if err := p.c.Subscribe(ctx, place.Name); !p.c.Alive() {
				return err
			} else if err != nil {
				refused[i] = err
			}
		}
	}
	return p.noteUnsubscribed(ctx, refused, places)
}

// noteUnsubscribed notes the mailboxes that are not subscribed to. A refusal does not say so: some
// servers refuse what is done already.
func (p *preparation) noteUnsubscribed(ctx context.Context, refused map[int]error, places []restore.Place) error {
	if len(refused) == 0 {
		return nil
	}
	names, err := p.c.Subscribed(ctx)
	if !p.c.Alive() {
		return err
	}
	for i, reason := range refused {
		is := func(name string) bool { return imapclient.SameName(name) == imapclient.SameName(places[i].Name) }
		if !slices.ContainsFunc(names, is) {
			p.note("mailbox %s: not subscribed to: %v", places[i].Mailbox, reason)
		}
	}
	return nil
}

// create makes one mailbox. If the server refuses the name, or changes it (some remove blanks at
// its ends), create tries names that more servers take. A mailbox that cannot be made is left out,
// also if the reason may pass: some servers answer to one name with an internal error, each time.
func (p *preparation) create(ctx context.Context, box *mail.Mailbox, place *restore.Place) error {
	err := p.createPatiently(ctx, box, place.Name)
	for _, name := range p.m.names(box) {
		if !refused(err) {
			break
		}
		if name == place.Name || p.find(name) != nil || p.claimed[p.key(name)] { // the name belongs to another mailbox
			continue
		}
		if p.createExactly(ctx, box, name) == nil {
			p.note("mailbox %s: it is %s there, for the server refused its name", box.Name, wire.PrintableName(name))
			place.Name, err = name, nil
		}
	}
	var answer *imap.Error
	if !p.c.Alive() || ctx.Err() != nil || err != nil && !refused(err) && !errors.As(err, &answer) {
		return err
	}
	if err != nil {
		p.note("mailbox %s cannot be made: %v", box.Name, err)
		place.Skip, place.Reason = true, err
		return nil
	}
	made := &mail.Mailbox{Raw: place.Name, Name: box.Name}
	p.byRaw[place.Name], p.byKey[imapclient.SameName(place.Name)] = made, made
	return nil
}

// createPatiently is createExactly, repeated after some seconds if the reason of a refusal may
// pass.
func (p *preparation) createPatiently(ctx context.Context, box *mail.Mailbox, name string) error {
	for n := 0; ; n++ {
		err := p.createExactly(ctx, box, name)
		if err == nil || refused(err) || !p.c.Alive() || p.hopeless {
			return err
		}
		if p.hopeless = n+1 == maxAttempts; p.hopeless {
			return err
		}
		if err := p.pause(ctx, max(retry.Suggested(err), time.Second<<(2*n))); err != nil {
			return err
		}
	}
}

// createExactly makes a mailbox. If a level begins or ends with a blank, it checks that the server
// did not change the name.
func (p *preparation) createExactly(ctx context.Context, box *mail.Mailbox, name string) error {
	err := p.createWithUse(ctx, box, name)
	levels := strings.FieldsFunc(name, func(r rune) bool { return string(r) == p.m.delimiter })
	if err != nil ||
		!slices.ContainsFunc(levels, func(level string) bool { return strings.Trim(level, " ") != level }) {
		return err
	}
	boxes, err := p.c.List(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(boxes, func(box mail.Mailbox) bool { return box.Raw == name }) {
		made := slices.IndexFunc(boxes, func(box mail.Mailbox) bool { return p.byRaw[box.Raw] == nil })
		other := ""
		if made >= 0 {
			other = ": " + wire.PrintableName(boxes[made].Raw)
		}
		return fmt.Errorf("%w: the server made the mailbox under another name%s", mail.ErrRefused, other)
	}
	return nil
}

// createWithUse makes a mailbox with its special use, unless another mailbox has that.
func (p *preparation) createWithUse(ctx context.Context, box *mail.Mailbox, name string) error {
	use := ""
	for _, u := range box.SpecialUse {
		if holder, taken := p.uses[strings.ToLower(u)]; taken {
			p.note("mailbox %s: not marked as %s, which %s is there", box.Name, u, holder.Name)
		} else if p.c.Has("CREATE-SPECIAL-USE") && use == "" {
			use = u
		}
	}
	err := p.c.Create(ctx, name, use)
	if use != "" && refused(err) {
		p.note("mailbox %s: not marked as %s: %v", box.Name, use, err)
		err = p.c.Create(ctx, name, "")
	} else if use != "" && err == nil {
		p.uses[strings.ToLower(use)] = box
	}
	var refused *imap.Error
	if errors.As(err, &refused) && refused.Code == "ALREADYEXISTS" {
		return nil
	}
	return err
}

// refused reports whether the server refused a command for a reason that will not pass.
func refused(err error) bool { return errors.Is(err, mail.ErrRefused) }

// confirm checks by a new listing that every mailbox is there. It opens those that are not listed,
// because some servers list not all mailboxes.
func (p *preparation) confirm(ctx context.Context, places []restore.Place) error {
	if err := p.list(ctx); err != nil {
		return err
	}
	for i := range places {
		if places[i].Skip || p.has(places[i].Name) {
			continue
		}
		_, err := p.c.Examine(ctx, places[i].Name)
		switch {
		case refused(err):
			p.note("mailbox %s was made, but the server does not list it, and does not open it: %v",
				places[i].Mailbox, err)
			places[i].Skip, places[i].Reason = true, err
		case err != nil:
			return err
		default:
			p.note("mailbox %s is there, but the server does not list it", places[i].Mailbox)
		}
	}
	slices.Sort(p.notes)
	p.notes = slices.Compact(p.notes)
	return nil
}
