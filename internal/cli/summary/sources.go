package summary

import (
	"time"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
)

// Source is how a run found a source of an account, as JSON.
type Source struct {
	Kind  string    `json:"kind"`  // mail, sieve, calendar or addressbook
	State string    `json:"state"` // complete, incomplete or inherited
	Since time.Time `json:"since"` // the start of the first run that found it so
}

// OfSources returns the sources of a manifest as JSON.
func OfSources(m *manifest.Manifest) (all []Source) {
	for _, s := range m.Sources {
		all = append(all, Source{s.Kind.String(), s.Found.String(), s.Since.UTC()})
	}
	return all
}

// Words says how a source was found, in a few words.
func (s *Source) Words() string {
	what := map[string]string{"sieve": "scripts", "calendar": "calendars", "addressbook": "address books"}[s.Kind]
	if what == "" {
		what = s.Kind
	}
	switch s.State {
	case manifest.Inherited.String():
		return what + " not read since " + ui.Time(s.Since)
	case manifest.Incomplete.String():
		return what + " incomplete since " + ui.Time(s.Since)
	}
	return what + " complete"
}

// Unread says in a few words which sources were not read as a whole. Failures show if that is so of
// some mail.
func Unread(sources []Source) (words []string) {
	for i := range sources {
		if s := &sources[i]; s.State == manifest.Inherited.String() ||
			s.State != manifest.Whole.String() && s.Kind != manifest.Mail.String() {
			words = append(words, s.Words())
		}
	}
	return words
}
