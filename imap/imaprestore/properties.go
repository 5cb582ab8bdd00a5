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

// AddProperties implements restore.PropertyTarget.
func (t *Target) AddProperties(ctx context.Context, wanted []mail.Properties, dry bool) (restore.PropertyReport, error) {
	var a propertyAdding
	if len(wanted) == 0 {
		return a.report, nil
	}
	c, err := t.pool.Get(ctx)
	if err != nil {
		return a.report, err
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
		return a.report, err
	}
	a.c, a.dry, a.report.Notes = c, dry, notes
	for i := range wanted {
		has := mail.Properties{}
		if at := slices.IndexFunc(have, func(p mail.Properties) bool { return p.Mailbox == wanted[i].Mailbox }); at >= 0 {
			has = have[at]
		}
		if err := a.add(ctx, &wanted[i], &has); err != nil {
			return a.report, err
		}
	}
	if a.unnamed > 0 {
		a.report.Notes = append(a.report.Notes, fmt.Sprintf("%d more access rights and annotations differ, or are refused", a.unnamed))
	}
	return a.report, nil
}

// maxPropertyNotes is how many differences are named.
const maxPropertyNotes = 50

// propertyAdding adds properties.
type propertyAdding struct {
	c       *imapclient.Client
	dry     bool
	report  restore.PropertyReport
	unnamed int // differences beyond maxPropertyNotes
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
		if err := a.c.SetRights(ctx, mailbox, g.Identifier, rights); err != nil {
			return a.refused(mailbox, err)
		}
	}
	a.report.Grants++
	return nil
}

func (a *propertyAdding) annotate(ctx context.Context, mailbox string, wanted mail.Annotation, has *mail.Properties) error {
	i := slices.IndexFunc(has.Annotations, func(h mail.Annotation) bool { return strings.EqualFold(h.Name, wanted.Name) })
	switch {
	case i >= 0 && has.Annotations[i].Value == wanted.Value:
		return nil
	case i >= 0, slices.ContainsFunc(has.Omitted, func(name string) bool { return strings.EqualFold(name, wanted.Name) }):
		a.note(mailbox, "the annotation %s has another value, and keeps it", wanted.Name)
		return nil
	case !a.c.Has("METADATA") && (mailbox != "" || !a.c.Has("METADATA-SERVER")):
		a.note(mailbox, "the server has no annotations, so %s is not set", wanted.Name)
		return nil
	}
	if !a.dry {
		if err := a.c.SetAnnotation(ctx, mailbox, wanted.Name, wanted.Value); err != nil {
			return a.refused(mailbox, err)
		}
	}
	a.report.Annotations++
	return nil
}

// refused notes that the server refuses something, and returns any other error.
func (a *propertyAdding) refused(mailbox string, err error) error {
	if !errors.Is(err, mail.ErrRefused) || !a.c.Alive() {
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
