package backup

import (
	"context"
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

// serverOf returns the part of a source's URL that names an account at a server. The two standard ports are one server's.
func serverOf(source string) string {
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

// softwareOf returns what a server calls itself.
func softwareOf(id []mail.Field) string {
	var words []string
	for _, name := range softwareFields {
		i := slices.IndexFunc(id, func(f mail.Field) bool { return strings.EqualFold(f.Name, name) })
		if i >= 0 {
			words = append(words, id[i].Value)
		}
	}
	return strings.Join(words, " ")
}

const onlyProven = "every archived message is compared with the server before it counts"

// doubtAll makes all records unproven if the account is not read from the same server as before.
func (w *walk) doubtAll(ctx context.Context, survey *mail.Survey) error {
	if w.parent == nil {
		return nil
	}
	other := serverOf(w.parent.Source) != serverOf(w.account.URL)
	switch {
	case other:
		w.warn("the account was read as %s before and is read as %s now: %s", w.parent.Source, w.account.URL, onlyProven)
	case softwareOf(w.parent.Server.ID) == softwareOf(w.server.ID):
		return nil
	default:
		same, err := w.sampleAccount(ctx, survey)
		if err != nil || same {
			return err
		}
		w.warn("the server called itself %q before and calls itself %q now, and messages are not what was archived: %s",
			softwareOf(w.parent.Server.ID), softwareOf(w.server.ID), onlyProven)
	}
	for _, m := range w.before {
		m.Unproven = m.Accounted() > 0
	}
	return nil
}

// isForeign reports whether another server gave the ids in an earlier manifest.
func (w *walk) isForeign(m *laid) bool {
	return m != nil && serverOf(m.Source) != serverOf(w.account.URL)
}

// countValidities counts the mailboxes with each UIDVALIDITY, before or now, whichever is more.
func (w *walk) countValidities(survey *mail.Survey) {
	w.validities = make(map[uint32]int)
	count := make(map[uint32]int)
	add := func(s *mail.Status) {
		if s != nil {
			count[s.UIDValidity]++
			w.validities[s.UIDValidity] = max(w.validities[s.UIDValidity], count[s.UIDValidity])
		}
	}
	for _, m := range w.before {
		add(m.Status)
	}
	clear(count)
	for _, m := range survey.Mailboxes {
		add(m.Status)
	}
}

// isAmbiguous reports whether other mailboxes may have the same UIDVALIDITY: some servers (DavMail, hoodiecrow) give each
// mailbox the same small one, and others make it of the time, so that mailboxes made within one second share it. There two
// mailboxes that swap their names look as if each had the messages of the other, and a mailbox that was deleted and created
// again looks as it did before.
func (w *walk) isAmbiguous(status *mail.Status) bool {
	if status == nil || status.UIDValidity == 0 || status.MailboxID != "" {
		return false
	}
	return w.validities[status.UIDValidity] > 1 || status.UIDValidity == 1 && status.HighestModSeq == 0
}

// twins returns the numbers of mailboxes, with true for those that several mailboxes had.
func twins(before map[string]*manifest.Mailbox) map[mail.Status]bool {
	several := make(map[mail.Status]bool)
	for _, m := range before {
		if m.Status != nil && m.Status.Messages > 0 {
			_, again := several[*m.Status]
			several[*m.Status] = again
		}
	}
	return several
}
