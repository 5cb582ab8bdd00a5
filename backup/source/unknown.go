package source

import (
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// Unknown collects the messages of which a server did not give everything that a record has,
// although it was asked twice.
type Unknown struct {
	Flags, Labels, Dates mail.UIDSet
	OddDates             mail.UIDSet // with a text that cannot be read as a date, which is archived as it is
}

// Add adds what is not known of a message.
func (u *Unknown) Add(m mail.Message) {
	if m.Lacks&mail.LacksFlags != 0 {
		u.Flags.Add(m.UID)
	}
	if m.Lacks&mail.LacksLabels != 0 {
		u.Labels.Add(m.UID)
	}
	switch {
	case m.Lacks&mail.LacksDate != 0:
		u.Dates.Add(m.UID)
	case !m.Internal.IsReadable():
		u.OddDates.Add(m.UID)
	}
}

// Merge adds what another Unknown has.
func (u *Unknown) Merge(other *Unknown) {
	u.Flags = u.Flags.Union(other.Flags)
	u.Labels = u.Labels.Union(other.Labels)
	u.Dates = u.Dates.Union(other.Dates)
	u.OddDates = u.OddDates.Union(other.OddDates)
}

// Missing reports whether something was not given at all.
func (u *Unknown) Missing() bool { return u.Flags.Len()+u.Labels.Len()+u.Dates.Len() > 0 }

// Warnings describes in sentences without a beginning what is not known.
func (u *Unknown) Warnings() (texts []string) {
	describe := func(uids mail.UIDSet, format string) {
		if uids.Len() > 0 {
			texts = append(texts, fmt.Sprintf(format, shorten(uids)))
		}
	}
	const again = "; the next backup asks again"
	describe(u.Flags, "the server does not give the flags of the messages with UID %s"+again)
	describe(u.Labels, "the server does not give the labels of the messages with UID %s"+again)
	describe(u.Dates, "the server does not give the INTERNALDATE of the messages with UID %s"+again)
	describe(u.OddDates, "the INTERNALDATE of the messages with UID %s is no date; its text is archived as it is")
	return texts
}

// maxShown is how much of a set of UIDs a warning shows.
const maxShown = 100

// shorten describes a set of UIDs.
func shorten(uids mail.UIDSet) string {
	text := strings.ReplaceAll(uids.String(), ",", ", ")
	if len(text) <= maxShown {
		return text
	}
	return fmt.Sprintf("%s and others, %d in all", text[:strings.LastIndexByte(text[:maxShown], ',')], uids.Len())
}
