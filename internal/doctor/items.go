package doctor

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// items logs in to the servers of scripts, calendars and address books, and says what they have.
func (f *findings) items(ctx context.Context, targets []collection.Target) []Finding {
	for _, target := range targets {
		check := keys[target.Kind()]
		limited, cancel := context.WithTimeout(ctx, defaultTimeLimit)
		_, all, err := target.Open(limited)
		what := ""
		if err == nil {
			what, err = contents(limited, target, all)
		}
		if err == nil {
			f.ok(check, "%s", what)
		} else {
			f.fail(check, err)
		}
		cancel()
		_ = target.Close()
	}
	return f.found
}

// keys are the keys of the configuration for each kind.
var keys = map[collection.Kind]string{
	collection.Sieve: "sieve", collection.Calendars: "caldav", collection.AddressBooks: "carddav",
}

// contents says what a server has.
func contents(ctx context.Context, target collection.Target, all []collection.Collection) (string, error) {
	if target.Kind() == collection.Sieve {
		l, err := target.List(ctx, all[0], "")
		return ui.Plural(len(l.Items), "script"), err
	}
	words := []string{ui.Plural(len(all), target.Kind().String())}
	for _, c := range all {
		words = append(words, ui.Quote(c.Name))
	}
	return strings.Join(words, ", "), nil
}
