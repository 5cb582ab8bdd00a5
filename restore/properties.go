package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// PropertyTarget is implemented by targets that have access rights and annotations of mailboxes.
type PropertyTarget interface {
	// AddProperties adds what mailboxes lack of the wanted properties, whose Mailbox is the Name of
	// a Place, or empty for the account. An identifier that has rights keeps them, and an
	// annotation that exists keeps its value: the notes name what differs, and what the target
	// refuses. A dry run changes nothing.
	AddProperties(ctx context.Context, wanted []mail.Properties, dry bool) (PropertyReport, error)
}

// PropertyReport is what AddProperties added.
type PropertyReport struct {
	Grants, Annotations int64
	Notes               []string
}

// ErrNoProperties means that the target has no access rights and annotations.
var ErrNoProperties = errors.New("only an IMAP account has access rights and annotations")

// addProperties adds the access rights and annotations that are to be restored. places are in the
// order of routes.
func (r *restorer) addProperties(ctx context.Context, routes []*route, places []Place) error {
	if !r.Rights && !r.Annotations {
		return nil
	}
	target, ok := r.Target.(PropertyTarget)
	if !ok {
		return ErrNoProperties
	}
	archived, err := r.Contents.Properties(ctx)
	if err != nil {
		if !archive.IsDamage(err) {
			return err
		}
		r.reporter.addNotes(err.Error())
	}
	if r.Contents.Manifest.PropertiesAsked.IsZero() {
		r.reporter.addNotes("the manifest has no access rights and annotations")
	}
	report, err := target.AddProperties(ctx, r.wantedProperties(archived, routes, places), r.DryRun)
	r.reporter.addProperties(&report)
	if err != nil {
		return fmt.Errorf("access rights and annotations: %w", err)
	}
	return nil
}

// wantedProperties returns the properties of the mailboxes in their places. Those of the account
// belong to a restore of all mailboxes.
func (r *restorer) wantedProperties(
	archived []manifest.Properties, routes []*route, places []Place,
) (wanted []mail.Properties) {
	add := func(raw, place string) {
		p, found := manifest.PropertiesOf(archived, raw)
		if !found {
			return
		}
		p.Mailbox = place
		if !r.Rights {
			p.Grants = nil
		}
		if !r.Annotations {
			p.Annotations = nil
		}
		if len(p.Grants)+len(p.Annotations) > 0 {
			wanted = append(wanted, p)
		}
	}
	if r.Whole {
		add("", "")
	}
	for i, rt := range routes {
		if rt.uids == nil && !places[i].Skip && places[i].Name != "" {
			add(rt.from.Raw, places[i].Name)
		}
	}
	return wanted
}

// previewProperties is addProperties of a dry run.
func (r *restorer) previewProperties(ctx context.Context, routes []*route) error {
	target, ok := r.Target.(Previewer)
	if !ok || !r.Rights && !r.Annotations {
		return nil
	}
	places, err := previewPlaces(ctx, target, routes)
	if err != nil {
		return err
	}
	if missing := slices.IndexFunc(places, func(p Place) bool { return p.Name == "" }); missing >= 0 {
		r.reporter.addNotes(fmt.Sprintf("the access rights and annotations of mailboxes that do not exist yet, "+
			"such as %q, are not counted", places[missing].Mailbox))
	}
	return r.addProperties(ctx, routes, places)
}

// addProperties adds a report.
func (rep *reporter) addProperties(added *PropertyReport) {
	rep.addNotes(added.Notes...)
	rep.update(func(r *Report) {
		r.Grants += added.Grants
		r.Annotations += added.Annotations
	})
}
