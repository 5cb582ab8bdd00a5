package view

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
)

// night returns the view of one manifest.
func (a *Archive) night(ctx context.Context, account string, ref history.Ref) (*View, error) {
	named, _, err := archive.OpenNamed(ctx, a.repo, ref)
	if errors.Is(err, history.ErrNoMatch) || errors.Is(err, history.ErrAmbiguous) {
		return nil, fmt.Errorf("%w: %w", ErrNoView, err)
	}
	if err != nil {
		return nil, err
	}
	contents := a.reader.Contents(named.Manifest)
	contents.Head = named.Head
	return a.viewOf(ctx, account, contents)
}

// viewOf returns the view of a manifest.
func (a *Archive) viewOf(ctx context.Context, account string, contents *archive.Contents) (*View, error) {
	v := &View{Account: account, Night: contents.Head, Contents: contents}
	archived, err := v.read(ctx, contents)
	if err != nil {
		return nil, err
	}
	names := newNames(archived, delimiterOf(archived))
	for _, m := range archived {
		v.Mailboxes = append(v.Mailboxes, a.mailbox(contents, m, names, archived))
	}
	subscribe(v.Mailboxes)
	v.sort()
	return v, nil
}

// subscribe marks all mailboxes of a night as subscribed if at most INBOX is. Many accounts have no
// subscriptions, and mail programs that show only subscribed mailboxes, as several do by default,
// would show none. Nobody can subscribe to a mailbox of an archive.
func subscribe(mailboxes []*Mailbox) {
	for _, m := range mailboxes {
		if m.Subscribed && !strings.EqualFold(m.Name, "INBOX") {
			return
		}
	}
	for _, m := range mailboxes {
		m.Subscribed = true
	}
}

// read returns the mailboxes of a manifest. Those that cannot be read become damage of the view.
func (v *View) read(ctx context.Context, contents *archive.Contents) (list []*manifest.Mailbox, err error) {
	for m, err := range contents.Mailboxes(ctx) {
		if err != nil {
			if archive.UnlessDamage(err) != nil {
				return nil, err
			}
			v.Damage = append(v.Damage, err)
			continue
		}
		list = append(list, m)
	}
	return list, nil
}

// mailbox returns a mailbox of a night.
func (a *Archive) mailbox(
	contents *archive.Contents, m *manifest.Mailbox, names *names, all []*manifest.Mailbox,
) *Mailbox {
	served := &Mailbox{
		Name: names.of(m), Delimiter: names.delimiter, Attributes: attributes(m), SpecialUse: m.SpecialUse, Subscribed: m.Subscribed,
		Selectable: m.Selectable(), Archived: m,
	}
	if !served.Selectable {
		return served
	}
	if m.Label {
		a.showLabel(served, contents, m, all)
		return served
	}
	served.numbers = Numbers{Messages: m.Messages, Bytes: m.Bytes, UIDValidity: validityOf(m), UIDNext: nextUID(m)}
	served.load = func(ctx context.Context) (*List, error) {
		return a.lists.get(listKey(m), func() (*List, error) { return a.load(ctx, contents, m) })
	}
	return served
}

// attributes returns those attributes of LIST that stay true in an archive.
func attributes(m *manifest.Mailbox) (kept []string) {
	for _, attribute := range m.Attributes {
		for _, lasting := range []string{`\Noselect`, `\NonExistent`, `\Noinferiors`} {
			if strings.EqualFold(attribute, lasting) {
				kept = append(kept, lasting)
			}
		}
	}
	if slices.Contains(kept, `\NonExistent`) && !slices.Contains(kept, `\Noselect`) {
		kept = append(kept, `\Noselect`) // for clients that do not know RFC 5258
	}
	return kept
}

// delimiterOf returns the delimiter that all mailboxes have, or "/" if they have several or none.
func delimiterOf(all []*manifest.Mailbox) string {
	delimiter := ""
	for _, m := range all {
		switch m.Delimiter {
		case "", delimiter:
			continue // INBOX may have none beside others that have one
		}
		if delimiter != "" {
			return "/"
		}
		delimiter = m.Delimiter
	}
	if delimiter == "" {
		return "/"
	}
	return delimiter
}
