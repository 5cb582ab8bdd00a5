package look

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// printProperties prints the access rights and annotations of a manifest.
func printProperties(ctx context.Context, p *cli.Program, contents *archive.Contents) error {
	list, err := contents.Properties(ctx)
	if err != nil {
		return err
	}
	since := ui.Time(contents.Manifest.PropertiesAsked)
	var annotations []string
	for i := range list {
		where := mailboxTitle(list[i].Mailbox)
		for _, a := range list[i].Annotations {
			annotations = append(annotations, fmt.Sprintf("%s: %s %s", where, a.Name, shownValue(a.Value)))
		}
		for _, name := range list[i].Omitted {
			annotations = append(annotations, fmt.Sprintf("%s: %s is too large and not archived", where, name))
		}
	}
	p.Paragraphs(ui.Plain, "Access rights, as of "+since, rightsLines(list))
	p.Paragraphs(ui.Plain, "Annotations, as of "+since, annotations)
	return nil
}

// shownMailboxes is how many mailboxes with the same access rights are named.
const shownMailboxes = 3

// rightsLines returns a line for all mailboxes that have the same access rights: most accounts have
// one or two.
func rightsLines(list []manifest.Properties) (lines []string) {
	var order []string
	mailboxes := map[string][]string{}
	for i := range list {
		rights := describeRights(&list[i].Properties)
		if rights == "" {
			continue
		}
		if _, known := mailboxes[rights]; !known {
			order = append(order, rights)
		}
		mailboxes[rights] = append(mailboxes[rights], mailboxTitle(list[i].Mailbox))
	}
	for _, rights := range order {
		names := mailboxes[rights]
		text := strings.Join(names[:min(len(names), shownMailboxes)], ", ")
		if more := len(names) - shownMailboxes; more > 0 {
			text += fmt.Sprintf(" and %s more", ui.Count(int64(more)))
		}
		lines = append(lines, rights+": "+text)
	}
	return lines
}

func describeRights(p *mail.Properties) string {
	var words []string
	for _, g := range p.Grants {
		words = append(words, ui.Quote(g.Identifier)+" "+g.Rights)
	}
	if p.Rights != "" {
		words = append(words, "this user "+p.Rights)
	}
	return strings.Join(words, ", ")
}

// mailboxTitle returns the name of a mailbox for people.
func mailboxTitle(raw string) string {
	if raw == "" {
		return "the account"
	}
	if name, ok := mail.DecodeName(raw); ok {
		return ui.Quote(name)
	}
	return ui.Quote(raw)
}

// shownValue returns the beginning of a value of an annotation.
func shownValue(value string) string {
	const enough = 100
	if !utf8.ValidString(value) {
		return fmt.Sprintf("(%s of binary data)", ui.Plural(int64(len(value)), "byte"))
	}
	if runes := []rune(value); len(runes) > enough {
		return ui.Quote(string(runes[:enough])) + "…"
	}
	return ui.Quote(value)
}

// propertiesChange is the change of the access rights and annotations of a mailbox, as JSON.
type propertiesChange struct {
	Before *summary.Properties `json:"before"` // null: there were none
	After  *summary.Properties `json:"after"`
	lines  []string
}

// compareProperties returns what changed in access rights and annotations. Of a manifest that was
// made before they were read it says nothing. wanted selects mailboxes by raw name.
func compareProperties(
	ctx context.Context, before, after *archive.Contents, wanted func(raw string) bool,
) ([]propertiesChange, error) {
	if before.Manifest.PropertiesAsked.IsZero() || after.Manifest.PropertiesAsked.IsZero() ||
		slices.Equal(before.Manifest.Properties, after.Manifest.Properties) {
		return nil, nil
	}
	old, err := before.Properties(ctx)
	if err != nil {
		return nil, err
	}
	now, err := after.Properties(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]struct{}{}
	for _, list := range [][]manifest.Properties{old, now} {
		for i := range list {
			names[list[i].Mailbox] = struct{}{}
		}
	}
	var changes []propertiesChange
	for _, raw := range slices.Sorted(maps.Keys(names)) {
		was, had := manifest.PropertiesOf(old, raw)
		is, has := manifest.PropertiesOf(now, raw)
		lines := changedProperties(&was, &is)
		if len(lines) == 0 || !wanted(raw) {
			continue
		}
		c := propertiesChange{lines: lines}
		if had {
			s := summary.OfProperties(&was)
			c.Before = &s
		}
		if has {
			s := summary.OfProperties(&is)
			c.After = &s
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// changedProperties returns what changed in the access rights and annotations of a mailbox, in
// words.
func changedProperties(was, is *mail.Properties) (lines []string) {
	where := mailboxTitle(is.Mailbox)
	changes := func(before, after map[string]string, shown func(string) string) {
		names := maps.Clone(before)
		maps.Copy(names, after)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			old, had := before[name]
			now, has := after[name]
			switch {
			case !had:
				lines = append(lines, fmt.Sprintf("%s: %s has %s now, and had nothing", where, name, shown(now)))
			case !has:
				lines = append(lines, fmt.Sprintf("%s: %s had %s, and has nothing now", where, name, shown(old)))
			case old != now:
				lines = append(lines, fmt.Sprintf("%s: %s had %s, and has %s now", where, name, shown(old), shown(now)))
			}
		}
	}
	changes(rightsByName(was), rightsByName(is), func(rights string) string { return "the rights " + rights })
	changes(valuesByName(was), valuesByName(is), shownValue)
	return lines
}

func rightsByName(p *mail.Properties) map[string]string {
	rights := map[string]string{}
	for _, g := range p.Grants {
		rights[ui.Quote(g.Identifier)] = g.Rights
	}
	if p.Rights != "" {
		rights["this user"] = p.Rights
	}
	return rights
}

func valuesByName(p *mail.Properties) map[string]string {
	values := map[string]string{}
	for _, a := range p.Annotations {
		values[a.Name] = a.Value
	}
	return values
}
