package archivetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Properties are the access rights and annotations of an account. It implements
// source.PropertySource.
type Properties struct {
	Of    map[string]mail.Properties // by raw name
	Asked []string                   // raw names, in the order of the questions
	Err   error
	Busy  int // so many questions are answered with mail.ErrTemporary first

	QuotaOf map[string]mail.Quota // by raw name: of the root of the mailbox
}

// Quotas implements source.QuotaSource.
func (p *Properties) Quotas(_ context.Context, mailboxes []string) (all []mail.Quota, err error) {
	if err := p.busy(); err != nil {
		return nil, err
	}
	for _, raw := range mailboxes {
		if q, ok := p.QuotaOf[raw]; ok {
			all = mail.AddQuotas(all, []mail.Quota{q})
		}
	}
	return all, p.Err
}

// Properties implements source.PropertySource.
func (p *Properties) Properties(
	_ context.Context, mailboxes []string,
) (list []mail.Properties, notes []string, err error) {
	p.Asked = append(p.Asked, mailboxes...)
	if err := p.busy(); err != nil {
		return nil, nil, err
	}
	if p.Err != nil {
		return nil, nil, p.Err
	}
	for _, raw := range append([]string{""}, mailboxes...) {
		if found, ok := p.Of[raw]; ok {
			found.Mailbox = raw
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b mail.Properties) int { return cmp.Compare(a.Mailbox, b.Mailbox) })
	return list, nil, nil
}

func (p *Properties) busy() error {
	if p.Busy--; p.Busy >= 0 {
		return fmt.Errorf("not now: %w", mail.ErrTemporary)
	}
	return nil
}

// Granted returns properties of one entry of an access control list and one annotation.
func Granted(identifier, rights, comment string) mail.Properties {
	return mail.Properties{
		Grants:      []mail.Grant{{Identifier: identifier, Rights: rights}},
		Annotations: []mail.Annotation{{Name: "/private/comment", Value: comment}},
	}
}

// ArchivedProperties returns what a manifest has of access rights and annotations.
func ArchivedProperties(t testing.TB, r *repo.Repo, head repo.Head) []manifest.Properties {
	t.Helper()
	contents, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	list, err := contents.Properties(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}
