package backup

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// propertiesEvery is how often a run asks for the access rights and annotations of all mailboxes.
// The answers do not fit into a survey: they need two commands for each mailbox
// (docs/design/reading.md).
const propertiesEvery = 7 * 24 * time.Hour

// propertiesRead is what a run found of access rights and annotations.
type propertiesRead struct {
	tried bool
	read  bool
	list  []manifest.Properties
	asked time.Time

	quota []mail.Quota // of the roots of the mailboxes that were asked for
	all   bool         // these are all mailboxes
}

// readProperties asks for access rights and annotations, once in a run: of all mailboxes if the
// parent's are old, else of the new ones. Those that are not asked for stay as in the parent. An
// error of the server is a warning, and the next run asks again, because mail does not depend on
// them.
func (a *accountRun) readProperties(ctx context.Context) error {
	if a.Properties == nil || a.properties.tried || !hasProperties(a.server.Capabilities) {
		return nil
	}
	a.properties.tried = true
	now, err := a.run.Now(ctx)
	if err != nil {
		return err
	}
	asked := now
	ask := a.mailboxesWithProperties()
	if a.parent != nil && !a.PropertiesNow && now.Sub(a.parent.PropertiesAsked) < propertiesEvery {
		asked = a.parent.PropertiesAsked
		ask = slices.DeleteFunc(ask, func(raw string) bool { return a.recorder.before[raw] != nil })
		if len(ask) == 0 {
			return nil
		}
	}
	before, err := a.propertiesBefore(ctx)
	if err != nil {
		return err
	}
	var found []mail.Properties
	var notes []string
	err = source.Retry(ctx, a.waits, source.OpenAttempts, func() (err error) {
		found, notes, err = a.Properties.Properties(ctx, ask)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		a.recorder.warn("access rights and annotations cannot be read, and stay as they are archived: %v", err)
		return nil
	}
	for _, note := range notes {
		a.recorder.warn("%s", note)
	}
	a.properties = propertiesRead{tried: true, read: true, list: a.mergeProperties(before, ask, found), asked: asked}
	return a.readQuotas(ctx, ask, asked.Equal(now))
}

// readQuotas asks for the quotas of mailboxes other than INBOX.
func (a *accountRun) readQuotas(ctx context.Context, mailboxes []string, all bool) error {
	from, ok := a.Properties.(source.QuotaSource)
	if !ok || !hasQuotas(a.server.Capabilities) {
		return nil
	}
	err := source.Retry(ctx, a.waits, source.OpenAttempts, func() (err error) {
		a.properties.quota, err = from.Quotas(ctx, mailboxes)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		a.recorder.warn("quotas cannot be read, and stay as they are archived: %v", err)
		return nil
	}
	a.properties.all = all
	return nil
}

func hasQuotas(capabilities []string) bool { return slices.Contains(capabilities, "QUOTA") }

// maxQuotas is how many quotas are archived. A manifest takes four times as many.
const maxQuotas = 1000

// quotas returns those of INBOX, which the server gives in each run, and of the other roots as a
// run last read them.
func (a *accountRun) quotas() []mail.Quota {
	found := a.server.Quota
	if hasQuotas(a.server.Capabilities) {
		found = mail.AddQuotas(found, a.properties.quota)
		if a.parent != nil && !a.properties.all {
			found = mail.AddQuotas(found, a.parent.Server.Quota)
		}
	}
	return found[:min(len(found), maxQuotas)]
}

// hasProperties reports whether a server has access rights or annotations.
func hasProperties(capabilities []string) bool {
	return slices.ContainsFunc([]string{"ACL", "METADATA", "METADATA-SERVER"},
		func(c string) bool { return slices.Contains(capabilities, c) })
}

// mailboxesWithProperties returns the raw names of the mailboxes that this run reads, ascending.
func (a *accountRun) mailboxesWithProperties() (names []string) {
	for _, raw := range slices.Sorted(maps.Keys(a.recorder.recorded)) {
		if m := a.recorder.recorded[raw]; m.Numbered() && !m.Inherited && a.reads(m.Mailbox) {
			names = append(names, raw)
		}
	}
	return names
}

// propertiesBefore returns the properties of the parent. Damaged ones are left out, and asked for
// again as if they were new.
func (a *accountRun) propertiesBefore(ctx context.Context) ([]manifest.Properties, error) {
	if a.parent == nil {
		return nil, nil
	}
	before, err := a.parent.AllProperties(a.catalog.loadTables(ctx))
	if archive.IsDamage(err) {
		a.recorder.warn("access rights and annotations in an earlier manifest are damaged "+
			"(mailstrata check shows more): %v", err)
		return before, nil
	}
	if err != nil {
		return nil, fmt.Errorf("access rights and annotations of an earlier manifest: %w", err)
	}
	return before, nil
}

// mergeProperties returns what was found, and of the other mailboxes that are recorded, what the
// parent has.
func (a *accountRun) mergeProperties(
	before []manifest.Properties, asked []string, found []mail.Properties,
) (all []manifest.Properties) {
	for _, p := range before {
		_, now := slices.BinarySearch(asked, p.Mailbox)
		if _, recorded := a.recorder.recorded[p.Mailbox]; p.Mailbox != "" && recorded && !now {
			all = append(all, p)
		}
	}
	for _, p := range found {
		all = append(all, manifest.Properties{Properties: p})
	}
	slices.SortFunc(all, func(a, b manifest.Properties) int { return cmp.Compare(a.Mailbox, b.Mailbox) })
	return all
}

// recordProperties adds to a manifest the properties that were read, or those of the parent.
func (a *accountRun) recordProperties(m *manifest.Manifest, put manifest.Put) error {
	switch {
	case a.properties.read:
		return m.SetProperties(a.properties.list, a.properties.asked, put)
	case a.parent != nil:
		m.Properties, m.PropertiesAsked = a.parent.Properties, a.parent.PropertiesAsked
	}
	return nil
}
