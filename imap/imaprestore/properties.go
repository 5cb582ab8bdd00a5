package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.PropertyTarget = (*Target)(nil)

// AddProperties implements restore.PropertyTarget. After a failure that will pass it goes on with
// the mailbox in which it failed: what was added by then is there.
func (t *Target) AddProperties(
	ctx context.Context, wanted []mail.Properties, dry bool,
) (restore.PropertyReport, error) {
	a := propertyAdding{dry: dry}
	var err error
	for n := range maxAttempts {
		if wanted, err = t.addProperties(ctx, &a, wanted); !errors.Is(err, mail.ErrTemporary) || ctx.Err() != nil {
			break
		}
		if failed := t.wait(ctx, n, err); failed != nil {
			return a.report, failed
		}
	}
	if a.unnamed > 0 {
		a.report.Notes = append(a.report.Notes,
			fmt.Sprintf("%d more access rights and annotations differ, or are refused", a.unnamed))
	}
	return a.report, err
}

// addProperties adds properties by one connection. It returns those of the mailboxes that are not
// done.
func (t *Target) addProperties(
	ctx context.Context, a *propertyAdding, wanted []mail.Properties,
) ([]mail.Properties, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	c, err := t.pool.Get(ctx)
	if err != nil {
		return wanted, err
	}
	defer t.pool.Put(c)
	var names []string
	for _, p := range wanted {
		if p.Mailbox != "" {
			names = append(names, p.Mailbox)
		}
	}
	have, notes, err := c.Properties(ctx, names)
	if err != nil {
		return wanted, err
	}
	a.c = c
	for _, note := range notes {
		if !slices.Contains(a.report.Notes, note) { // it may be the second time
			a.report.Notes = append(a.report.Notes, note)
		}
	}
	for len(wanted) > 0 {
		has := mail.Properties{}
		if at := slices.IndexFunc(have, func(p mail.Properties) bool { return p.Mailbox == wanted[0].Mailbox }); at >= 0 {
			has = have[at]
		}
		noted, unnamed := len(a.report.Notes), a.unnamed
		if err := a.add(ctx, &wanted[0], &has); err != nil {
			a.report.Notes, a.unnamed = a.report.Notes[:noted], unnamed // they come again
			return wanted, err
		}
		wanted = wanted[1:]
	}
	return nil, nil
}

// maxPropertyNotes is how many differences are named.
const maxPropertyNotes = 50

// propertyAdding adds properties.
type propertyAdding struct {
	c       *imapclient.Client
	dry     bool
	report  restore.PropertyReport
	unnamed int // differences beyond maxPropertyNotes

	underWay string // what was sent last, if its answer did not come
}

func (a *propertyAdding) note(mailbox, format string, args ...any) {
	if len(a.report.Notes) >= maxPropertyNotes {
		a.unnamed++
		return
	}
	where := "the account"
	if mailbox != "" {
		where = fmt.Sprintf("mailbox %q", mailbox)
		if name, ok := mail.DecodeName(mailbox); ok {
			where = fmt.Sprintf("mailbox %q", name)
		}
	}
	a.report.Notes = append(a.report.Notes, where+": "+fmt.Sprintf(format, args...))
}

// add adds what one mailbox lacks.
func (a *propertyAdding) add(ctx context.Context, wanted, has *mail.Properties) error {
	for _, g := range wanted.Grants {
		if err := a.grant(ctx, wanted.Mailbox, g, has.Grants); err != nil {
			return err
		}
	}
	for _, annotation := range wanted.Annotations {
		if err := a.annotate(ctx, wanted.Mailbox, annotation, has); err != nil {
			return err
		}
	}
	return nil
}

func (a *propertyAdding) grant(ctx context.Context, mailbox string, g mail.Grant, has []mail.Grant) error {
	rights := a.c.KnownRights(g.Rights)
	i := slices.IndexFunc(has, func(h mail.Grant) bool { return h.Identifier == g.Identifier })
	switch {
	case i >= 0 && letters(a.c.KnownRights(has[i].Rights)) == letters(rights):
		a.report.Grants += a.arrived(mailbox, g.Identifier)
		return nil
	case i >= 0:
		a.note(mailbox, "%q keeps the rights %s, and had %s", g.Identifier, has[i].Rights, g.Rights)
		return nil
	case rights == "":
		a.note(mailbox, "the server has none of the rights %s of %q", g.Rights, g.Identifier)
		return nil
	case !a.c.Has("ACL"):
		a.note(mailbox, "the server has no access rights, so %q does not get %s", g.Identifier, g.Rights)
		return nil
	}
	if !a.dry {
		a.underWay = mailbox + "\x00" + g.Identifier
		if err := a.c.SetRights(ctx, mailbox, g.Identifier, rights); err != nil {
			return a.refused(mailbox, err)
		}
	}
	a.report.Grants++
	return nil
}

func (a *propertyAdding) annotate(
	ctx context.Context, mailbox string, wanted mail.Annotation, has *mail.Properties,
) error {
	i := slices.IndexFunc(has.Annotations, func(h mail.Annotation) bool { return strings.EqualFold(h.Name, wanted.Name) })
	switch {
	case i >= 0 && has.Annotations[i].Value == wanted.Value:
		a.report.Annotations += a.arrived(mailbox, wanted.Name)
		return nil
	case i >= 0,
		slices.ContainsFunc(has.Omitted, func(name string) bool { return strings.EqualFold(name, wanted.Name) }):
		a.note(mailbox, "the annotation %s has another value, and keeps it", wanted.Name)
		return nil
	case !a.c.Has("METADATA") && (mailbox != "" || !a.c.Has("METADATA-SERVER")):
		a.note(mailbox, "the server has no annotations, so %s is not set", wanted.Name)
		return nil
	}
	if !a.dry {
		a.underWay = mailbox + "\x00" + wanted.Name
		if err := a.c.SetAnnotation(ctx, mailbox, wanted.Name, wanted.Value); err != nil {
			return a.refused(mailbox, err)
		}
	}
	a.report.Annotations++
	return nil
}

// arrived returns 1 if something that is there was sent last, and its answer was lost.
func (a *propertyAdding) arrived(mailbox, name string) int64 {
	if a.underWay != mailbox+"\x00"+name {
		return 0
	}
	a.underWay = ""
	return 1
}

// refused notes that the server refuses something, and returns any other error.
func (a *propertyAdding) refused(mailbox string, err error) error {
	if !errors.Is(err, mail.ErrRefused) || errors.Is(err, mail.ErrTemporary) || !a.c.Alive() {
		return err
	}
	a.note(mailbox, "%v", err)
	return nil
}

// letters returns the letters of a text in order, each once.
func letters(rights string) string {
	all := []byte(rights)
	slices.Sort(all)
	return string(slices.Compact(all))
}
