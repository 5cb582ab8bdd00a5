package identity

import (
	"net/url"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// A UIDVALIDITY and a UID identify a message at one server only (RFC 9051 section 2.3.1.1). So a record counts without a
// comparison only at the server where it was made:
//
//	other host, port or user   no record counts: every mailbox is unproven until it is read
//	another name or version    a sample is compared; if it differs, as above
//	the same                   records count
//
// An unproven mailbox is read as if its UIDVALIDITY were new. Its records nominate (nominees.go), and a message that header
// and probe prove is not downloaded.

// Server returns the part of a source's URL that names an account at a server. The two standard ports are one server's.
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

// softwareFields are the fields of an ID response (RFC 2971) that stay the same from one connection to the next. Others hold
// a load balancer's host, the time, or a token.
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

// CountValidities counts the mailboxes that were recorded or are listed, whichever are more.
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

// Ambiguous reports whether other mailboxes may have the same UIDVALIDITY: some servers (DavMail, hoodiecrow) give each
// mailbox the same small one, and others make it of the time, so that mailboxes made within one second share it. There two
// mailboxes that swap their names look as if each had the messages of the other, and a mailbox that was deleted and created
// again looks as it did before.
func (v Validities) Ambiguous(status *mail.Status) bool {
	if status == nil || status.UIDValidity == 0 || status.MailboxID != "" {
		return false
	}
	return v[status.UIDValidity] > 1 || status.UIDValidity == 1 && status.HighestModSeq == 0
}

// Twins returns the numbers of mailboxes, with true for those that several mailboxes had.
func Twins(recorded map[string]*manifest.Mailbox) map[mail.Status]bool {
	several := make(map[mail.Status]bool)
	for _, m := range recorded {
		if m.Status != nil && m.Status.Messages > 0 {
			_, again := several[*m.Status]
			several[*m.Status] = again
		}
	}
	return several
}

// IsRenumbered reports whether no mailbox has the UIDVALIDITY that it had. Then the server is a new one, whatever it calls
// itself, and its ids may be those of other messages.
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

// Contradict reports whether two MAILBOXIDs differ. One that is missing, or is garbage, differs from none.
func Contradict(a, b string) bool {
	a, b = mail.ObjectID(a), mail.ObjectID(b)
	return a != "" && b != "" && a != b
}

// SameNumbers compares two answers about one mailbox. A number that only one of them gave makes them different.
func SameNumbers(a, b mail.Status) bool {
	return a == b && a.UIDValidity != 0 && a.UIDNext != 0
}
