package backup

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// A UIDVALIDITY and a UID name a message at one server only (RFC 9051 section 2.3.1.1). So what is recorded counts
// without being compared only at the server that it was read from:
//
//	other host, port or user   nothing counts: every mailbox is unproven, until it was read
//	another name or version    a sample is compared; if it differs, as above
//	the same                   it counts
//
// An unproven mailbox is read as if its UIDVALIDITY were new. Its records nominate (nominees.go), and what is proven
// by its header and probe is not downloaded.

// serverOf is what of a source's URL names an account at a server. The two standard ports are those of one server.
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

// softwareFields are those of an ID response (RFC 2971) that stay the same from one connection to the next: others have
// the host's load balancer, the time, or a token in them.
var softwareFields = []string{"name", "vendor", "version"}

// softwareOf is what a server calls itself.
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

const onlyProven = "what is archived counts only where it proves to be what is there"

// doubtAll finds out whether the account is still read from the server from which it was read before, and makes all
// that is recorded unproven if it is not.
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

// isForeign reports whether the ids of what an earlier manifest recorded were given by another server.
func (w *walk) isForeign(m *laid) bool {
	return m != nil && serverOf(m.Source) != serverOf(w.account.URL)
}

// countValidities notes how many mailboxes had each UIDVALIDITY at one time: before, or now.
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

// isAmbiguous reports whether a mailbox's UIDVALIDITY does not tell it from others: some servers (DavMail,
// hoodiecrow) have the same small one everywhere, and where it is made of the time, mailboxes that were made within one
// second share it. Two mailboxes that were renamed then look as if one had the
// messages of the other, and one that was deleted and created again looks as it did.
func (w *walk) isAmbiguous(status *mail.Status) bool {
	if status == nil || status.UIDValidity == 0 || status.MailboxID != "" {
		return false
	}
	return w.validities[status.UIDValidity] > 1 || status.UIDValidity == 1 && status.HighestModSeq == 0
}

// twins are the numbers that several recorded mailboxes had alike.
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
