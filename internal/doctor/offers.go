package doctor

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/dav"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/discover"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/sieve"
)

const (
	trial  = 5 * time.Second  // how long one server is tried
	search = 20 * time.Second // and all that an account may have
)

// offers looks for calendars, address books and scripts of a mail account that the configuration
// does not have, and says what they are and which line archives them. That nothing is found is no
// finding.
func (f *findings) offers(
	ctx context.Context, h *access.Host, a *access.Account, flags *access.AccountFlags, finder *discover.Finder,
) []Finding {
	ctx, cancel := context.WithTimeout(ctx, search)
	defer cancel()
	c := &a.Configured
	var missing []collection.Kind
	for _, has := range []struct {
		kind collection.Kind
		url  string
	}{{collection.Calendars, c.CalDAV}, {collection.AddressBooks, c.CardDAV}, {collection.Sieve, c.Sieve}} {
		if has.url == "" {
			missing = append(missing, has.kind)
		}
	}
	offers := finder.Offers(ctx, a.Options.User, a.Options.Host, missing...)
	found := make([]*Finding, len(missing))
	var group errgroup.Group
	for i, kind := range missing {
		group.Go(func() error {
			for _, o := range offers {
				if o.Kind != kind || ctx.Err() != nil {
					continue
				}
				if text, ok := try(ctx, h, a, flags, &o); ok {
					advice := keys[kind] + " = \"" + o.URL.String() + "\" in the account of the configuration archives them (docs/guides/calendars.md)"
					found[i] = &Finding{f.subject, keys[kind], OK, ui.OneLine(text), advice}
					return nil
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	for _, finding := range found {
		if finding != nil {
			f.found = append(f.found, *finding)
		}
	}
	return f.found
}

// try says what is at an offer, and whether there is anything. DNS is not proof of anything, so
// only a host of the site that has the password anyway gets it: that of the mail server. Another
// one is asked without a login.
func try(
	ctx context.Context, h *access.Host, a *access.Account, flags *access.AccountFlags, o *discover.Offer,
) (text string, found bool) {
	ctx, cancel := context.WithTimeout(ctx, trial)
	defer cancel()
	if o.Kind == collection.Sieve && h.Flags.AllowPlaintext {
		return "", false // anyone who answers for that name would get the password
	}
	if !dav.SameSite(o.URL.Hostname(), a.Options.Host) {
		if o.Kind == collection.Sieve || !o.Known {
			return "", false
		}
		stranger := *o.URL
		stranger.User = nil
		client := dav.New(o.Kind, dav.Options{URL: &stranger})
		defer client.Close()
		_, _, err := client.Open(ctx)
		return "not archived: " + o.By + " names " + o.URL.Host + ", which is of another site than the mail server, so nobody logged in", asksForLogin(err)
	}
	copied := *a
	copied.Configured.Sieve, copied.Configured.CalDAV, copied.Configured.CardDAV = "", "", ""
	copied.Configured.AllowPlaintext = false
	switch o.Kind {
	case collection.Sieve:
		copied.Configured.Sieve = o.URL.String()
	case collection.Calendars:
		copied.Configured.CalDAV = o.URL.String()
	default:
		copied.Configured.CardDAV = o.URL.String()
	}
	targets := h.Items(&copied, flags)
	if len(targets) != 1 {
		return "", false
	}
	defer targets[0].Close()
	_, all, err := targets[0].Open(ctx)
	_, refused := errors.AsType[*sieve.RefusedError](err)
	switch {
	case asksForLogin(err) || refused:
		return "not archived: " + o.By + " names " + o.URL.Host + ", which does not accept the login of the mail", true
	case err != nil:
		return "", false
	}
	what, err := contents(ctx, targets[0], all)
	return "not archived: " + what + " at " + o.URL.Host, err == nil
}

// asksForLogin reports whether a server wants a login, or another one.
func asksForLogin(err error) bool {
	status, ok := errors.AsType[*dav.StatusError](err)
	return ok && status.Status == http.StatusUnauthorized
}
