package look

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
)

// noteItems says which scripts, calendars and address books differ. The command items shows how.
func (t *comparison) noteItems(ctx context.Context) {
	before, after := t.difference.Before, t.difference.After
	if slices.Equal(before.Manifest.ItemSources, after.Manifest.ItemSources) {
		return
	}
	old, errOld := collectionsOf(ctx, before)
	now, errNow := collectionsOf(ctx, after)
	if errOld != nil || errNow != nil {
		t.unread++
		t.Warn("calendars, address books and scripts cannot be compared")
		return
	}
	var lines []string
	for key, c := range old {
		switch other, ok := now[key]; {
		case !ok:
			lines = append(lines, fmt.Sprintf("%s: gone, with %s", c.title, ui.Plural(c.items, "item")))
		case !slices.Equal(c.pages, other.pages):
			lines = append(lines, fmt.Sprintf("%s: changed; %s before, %s now",
				c.title, ui.Plural(c.items, "item"), ui.Count(other.items)))
		}
	}
	for key, c := range now {
		if _, ok := old[key]; !ok {
			lines = append(lines, fmt.Sprintf("%s: new, with %s", c.title, ui.Plural(c.items, "item")))
		}
	}
	if len(lines) == 0 {
		return
	}
	slices.Sort(lines)
	t.Paragraphs(ui.Yellow, "Calendars, address books and scripts that differ", lines)
	a, b := summary.ShortID(before.Head), summary.ShortID(after.Head)
	t.Printf("  To see what is gone or was changed:  mailstrata items %s --missing-from %s", a, b)
	t.Printf("  To see what is new or was changed:   mailstrata items %s --missing-from %s", b, a)
}

// collectionKey says which collection it is, and collectionState what it has.
type collectionKey struct {
	kind manifest.SourceKind
	path string
}

type collectionState struct {
	title string
	items int64
	pages []chunk.ID
}

func collectionsOf(ctx context.Context, contents *archive.Contents) (map[collectionKey]collectionState, error) {
	all := make(map[collectionKey]collectionState)
	for s, err := range contents.ItemSources(ctx) {
		if err != nil {
			return nil, err
		}
		for i := range s.Collections {
			c := &s.Collections[i]
			title := s.Kind.String() + " " + ui.Quote(c.Title())
			if s.Kind == manifest.Sieve {
				title = "scripts"
			}
			all[collectionKey{s.Kind, c.Path}] = collectionState{title, c.Items, c.Pages}
		}
	}
	return all, nil
}
