package backup

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup/items"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
)

// itemsRead is what a run found of scripts, calendars and address books.
type itemsRead struct {
	sources    []manifest.ItemSource
	answered   bool // one of them at least
	new, bytes int64
	failures   []manifest.Failure
	alarms     []string
}

// readItems reads the sources of items, and closes them. A source that was read before and is no
// longer configured stays as it is archived.
func (a *accountRun) readItems(ctx context.Context) error {
	if len(a.Items) == 0 && (a.parent == nil || len(a.parent.ItemSources) == 0) {
		return nil
	}
	before, err := a.itemsBefore(ctx)
	if err != nil {
		return err
	}
	all := new(itemsRead)
	writer := ingest.NewItemWriter(a.repo, a.catalog.writer)
	defer writer.Close()
	now, err := a.run.Now(ctx)
	if err != nil {
		return err
	}
	r := &items.Reader{
		GiveUp: a.itemsLate, Load: a.catalog.load(ctx), Put: a.catalog.put(ctx), Write: writer.Write,
		Same: a.sameItem(), Warn: a.recorder.warn, Now: now,
		Fail: func(format string, args ...any) {
			all.failures = append(all.failures, manifest.Failure{Reason: fmt.Sprintf(format, args...)})
		},
	}
	for _, from := range a.Items {
		old := takeKind(&before, manifest.SourceKind(from.Kind()))
		found, err := r.Read(ctx, from, old)
		_ = from.Close()
		if err != nil {
			return err
		}
		all.answered = all.answered || found.Complete || !found.Inherited && len(found.Collections) > 0
		all.alarms = append(all.alarms, a.lostItems(old, &found)...)
		all.sources = append(all.sources, found)
	}
	for _, left := range before {
		all.sources = append(all.sources, items.Inherit(left))
	}
	all.new, all.bytes = r.Items, r.Bytes
	a.items.Store(all) // only now: until then, a checkpoint keeps what the parent has
	return nil
}

// itemsAfterMail is how long a run reads items after it has read the mail. A server that hangs must
// not keep the mail from being committed: of 5,000 items, each may take two minutes to fail.
const itemsAfterMail = time.Hour

// itemsLate returns an error once the mail has waited for the items for long.
func (a *accountRun) itemsLate() error {
	read := a.mailRead.Load()
	if read == nil || time.Since(*read) < itemsAfterMail {
		return nil
	}
	return fmt.Errorf("the server is too slow: the mail has waited for it for %v; the next run continues",
		itemsAfterMail)
}

// mailEnded says that the run will read no more mail.
func (a *accountRun) mailEnded() {
	now := time.Now()
	a.mailRead.Store(&now)
}

// itemsBefore returns the sources of the parent. Sources that cannot be read are read as if they
// were new.
func (a *accountRun) itemsBefore(ctx context.Context) ([]manifest.ItemSource, error) {
	if a.parent == nil || len(a.parent.ItemSources) == 0 {
		return nil, nil
	}
	before, err := a.parent.AllItemSources(a.catalog.loadTables(ctx))
	if archive.IsDamage(err) {
		a.recorder.warn("records of scripts, calendars and address books in an earlier manifest are damaged, "+
			"so these are read again (mailstrata check shows more): %v", err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("scripts, calendars and address books of an earlier manifest: %w", err)
	}
	return before, nil
}

// takeKind removes the source of a kind from the list, and returns it.
func takeKind(list *[]manifest.ItemSource, kind manifest.SourceKind) *manifest.ItemSource {
	i := slices.IndexFunc(*list, func(s manifest.ItemSource) bool { return s.Kind == kind })
	if i < 0 {
		return nil
	}
	found := (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return &found
}

// sameItem returns a function that reports whether an archived item has a content. It stores
// nothing and reads nothing.
func (a *accountRun) sameItem() func(*manifest.Item, []byte) bool {
	cutter := a.repo.Cutter()
	return func(old *manifest.Item, content []byte) bool {
		if old.Size != int64(len(content)) || !old.List.IsZero() {
			return false
		}
		var ids []chunk.ID
		err := cutter.Cut(bytes.NewReader(content), func(data []byte) error {
			ids = append(ids, a.repo.ChunkID(data))
			return nil
		})
		return err == nil && slices.Equal(ids, old.Chunks)
	}
}

// lostItems returns alarms about collections that lost many items, or are gone with them.
func (a *accountRun) lostItems(before, now *manifest.ItemSource) (alarms []string) {
	if before == nil || now.Inherited {
		return nil
	}
	limit := loss.Usual
	if limits := a.lossLimits(); limits != nil {
		limit = limits(a.Name)(nil)
	}
	left := make(map[string]int64)
	for _, c := range now.Collections {
		left[c.Path] = c.Items
	}
	for i := range before.Collections {
		c := &before.Collections[i]
		has := left[c.Path]
		if limit.Exceeded(c.Items, c.Items-has) || has == 0 && c.Items > 0 && !limit.Off {
			alarms = append(alarms, fmt.Sprintf("%s %q: %d of %d items are left", before.Kind, c.Title(), has, c.Items))
		}
	}
	return alarms
}

// recordItems adds to a manifest the items that were read, or those of the parent, and how the mail
// was found.
func (a *accountRun) recordItems(m *manifest.Manifest, mail func() manifest.Found, put manifest.Put) error {
	all := a.items.Load()
	if all == nil {
		if a.parent != nil {
			m.ItemSources, m.ItemTotals = a.parent.ItemSources, a.parent.ItemTotals
			m.ItemTotals.NewItems, m.ItemTotals.NewBytes = 0, 0
			m.Sources = a.parent.Sources // of a checkpoint, which says nothing new
		}
		return nil
	}
	m.ItemTotals.NewItems, m.ItemTotals.NewBytes = uint64(all.new), uint64(all.bytes)
	for _, failure := range all.failures {
		m.AddFailure(failure)
	}
	m.Alarm = append(m.Alarm, all.alarms...)
	switch {
	case len(all.sources) == 0:
	case m.State == manifest.Complete:
		m.Sources = a.sources(mail(), all.sources)
	case a.parent != nil:
		m.Sources = a.parent.Sources // a checkpoint says nothing new
	}
	return m.SetItemSources(all.sources, put)
}

// mailFound returns how the run found the mail.
func (a *accountRun) mailFound() manifest.Found {
	mailboxes := make([]manifest.Mailbox, 0, len(a.recorder.recorded))
	for _, m := range a.recorder.recorded {
		mailboxes = append(mailboxes, *m)
	}
	return manifest.MailFound(mailboxes)
}

// sources returns how the run found the mail and the other sources.
func (a *accountRun) sources(mail manifest.Found, items []manifest.ItemSource) (all []manifest.Source) {
	var before []manifest.Source
	if a.parent != nil {
		before = a.parent.Sources
	}
	add := func(kind manifest.SourceKind, found manifest.Found) {
		all = append(all, manifest.NextSource(before, kind, found, a.run.Start()))
	}
	add(manifest.Mail, mail)
	for i := range items {
		add(items[i].Kind, items[i].Found())
	}
	slices.SortFunc(all, func(x, y manifest.Source) int { return cmp.Compare(x.Kind, y.Kind) })
	return slices.CompactFunc(all, func(x, y manifest.Source) bool { return x.Kind == y.Kind })
}
