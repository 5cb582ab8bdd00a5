// Package identity decides which server and which mailbox an archived mailbox belongs to. Find
// matches listed mailboxes with recorded ones, even if they were renamed.
//
// A UIDVALIDITY and a UID identify a message on one server only (RFC 9051 section 2.3.1.1). So
// archived messages count without a comparison only on the server where they were read:
//
//	other host, port or user   none counts: every mailbox is unproven until it is read
//	another name or version    a sample is compared; if it differs, as above
//	the same                   they count
//
// An unproven mailbox is read as if its UIDVALIDITY were new. Package moves uses its records as
// candidates, and a message that header and probe prove is not downloaded.
package identity

import (
	"net/url"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Server returns the part of a source's URL that identifies an account on a server. The two
// standard ports count as one server.
func Server(source string) string {
	u, err := url.Parse(source)
	if err != nil || u.Host == "" {
		return source
	}
	port := u.Port()
	if port == "143" || port == "993" {
		port = ""
	}
	user := ""
	if u.User != nil {
		user = u.User.Username()
	}
	return user + "@" + strings.ToLower(u.Hostname()) + ":" + port
}

// softwareFields are the fields of an ID response (RFC 2971) that stay the same from one connection
// to the next. Others contain a load balancer's host, the time or a token.
var softwareFields = []string{"name", "vendor", "version"}

// Software returns what a server calls itself.
func Software(id []mail.Field) string {
	var words []string
	for _, name := range softwareFields {
		i := slices.IndexFunc(id, func(f mail.Field) bool { return strings.EqualFold(f.Name, name) })
		if i >= 0 {
			words = append(words, id[i].Value)
		}
	}
	return strings.Join(words, " ")
}

// Validities counts the mailboxes with each UIDVALIDITY.
type Validities map[uint32]int

// CountValidities counts the archived and the listed mailboxes, and returns the higher number for
// each UIDVALIDITY.
func CountValidities(recorded map[string]*manifest.Mailbox, survey *mail.Survey) Validities {
	most := make(Validities)
	count := make(map[uint32]int)
	add := func(s *mail.Status) {
		if s != nil {
			count[s.UIDValidity]++
			most[s.UIDValidity] = max(most[s.UIDValidity], count[s.UIDValidity])
		}
	}
	for _, m := range recorded {
		add(m.Status)
	}
	clear(count)
	for _, m := range survey.Mailboxes {
		add(m.Status)
	}
	return most
}

// Ambiguous reports whether other mailboxes may have the same UIDVALIDITY. Some servers (DavMail,
// hoodiecrow) give every mailbox the same small one. Others derive it from the time, so that
// mailboxes created within one second share it. On such a server, two mailboxes that swap their
// names look as if each had the messages of the other, and a mailbox that was deleted and created
// again looks as before.
func (v Validities) Ambiguous(status *mail.Status) bool {
	if status == nil || status.UIDValidity == 0 || status.MailboxID != "" {
		return false
	}
	return v[status.UIDValidity] > 1 || status.UIDValidity == 1 && status.HighestModSeq == 0
}

// SharedNumbers returns the numbers of the archived mailboxes. The value is true if several
// mailboxes have the same numbers.
func SharedNumbers(recorded map[string]*manifest.Mailbox) map[mail.Status]bool {
	shared := make(map[mail.Status]bool)
	for _, m := range recorded {
		if m.Status != nil && m.Status.Messages > 0 {
			_, again := shared[*m.Status]
			shared[*m.Status] = again
		}
	}
	return shared
}

// IsRenumbered reports whether no mailbox has its old UIDVALIDITY. Then the server is a new one,
// whatever it calls itself, and its ids may be those of other messages.
func IsRenumbered(survey *mail.Survey, before map[string]*manifest.Mailbox) bool {
	changed := false
	for _, listed := range survey.Mailboxes {
		old := before[listed.Raw]
		if old == nil || old.UIDValidity() == 0 || listed.Status == nil || listed.Status.UIDValidity == 0 {
			continue
		}
		if listed.Status.UIDValidity == old.UIDValidity() {
			return false
		}
		changed = true
	}
	return changed
}

// Contradict reports whether two MAILBOXIDs differ. A missing or malformed one differs from none.
func Contradict(a, b string) bool {
	a, b = mail.ObjectID(a), mail.ObjectID(b)
	return a != "" && b != "" && a != b
}

// SameNumbers reports whether two answers about a mailbox are equal. A number that only one of them
// has makes them different.
func SameNumbers(a, b mail.Status) bool {
	return a == b && a.UIDValidity != 0 && a.UIDNext != 0
}

// SameEmpty reports whether a mailbox that was empty is so still. Its numbers may differ: some
// servers give an empty mailbox the time as its UIDVALIDITY (Mailutils with each answer, Courier
// until it is opened).
func SameEmpty(before mail.Status, now *mail.Status) bool {
	return now != nil && before.Messages == 0 && now.Messages == 0 && !Contradict(before.MailboxID, now.MailboxID)
}
