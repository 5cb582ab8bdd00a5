package doctor

import (
	"context"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// items logs in to the servers of scripts, calendars and address books, and says what they have.
func (e *findings) items(ctx context.Context, targets []collection.Target, err error) []Finding {
	if err != nil {
		return e.fail("items", err)
	}
	for _, target := range targets {
		check := map[collection.Kind]string{collection.Sieve: "sieve", collection.Calendars: "caldav", collection.AddressBooks: "carddav"}[target.Kind()]
		limited, cancel := context.WithTimeout(ctx, defaultTimeLimit)
		_, all, err := target.Open(limited)
		if err == nil && target.Kind() == collection.Sieve {
			var l collection.Listing
			if l, err = target.List(limited, all[0], ""); err == nil {
				e.ok(check, "%s", ui.Plural(len(l.Items), "script"))
			}
		} else if err == nil {
			names := ""
			for _, c := range all {
				names += ", " + ui.Quote(c.Name)
			}
			e.ok(check, "%s%s", ui.Plural(len(all), target.Kind().String()), names)
		}
		if err != nil {
			e.fail(check, err)
		}
		cancel()
		_ = target.Close()
	}
	return e.found
}
