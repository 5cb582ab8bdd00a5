package restore

import (
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// stripNamespace removes the prefix of the personal namespace of the source (RFC 2342) from the
// names of the mailboxes. The prefix says where a server keeps the mailboxes of a user and is not
// part of their names: INBOX.Sent on Courier is Sent on other servers and in the Maildir of
// Courier. A name that would equal that of another mailbox, or INBOX, keeps the prefix. The raw
// name stays, for a target that has a mailbox of this raw name.
func stripNamespace(list []*route, all []*manifest.Mailbox, spaces []mail.Namespace) {
	at := slices.IndexFunc(spaces, func(s mail.Namespace) bool { return s.Kind == mail.Personal })
	if at < 0 || spaces[at].Prefix == "" || !strings.HasSuffix(spaces[at].Prefix, spaces[at].Delimiter) {
		return
	}
	prefix, delimiter := spaces[at].Prefix, spaces[at].Delimiter
	named := make(map[string]bool, len(all))
	for _, m := range all {
		named[m.Name] = true
	}
	for _, rt := range list {
		name, below := strings.CutPrefix(rt.Name, prefix)
		first, _, _ := strings.Cut(name, delimiter)
		if !below || name == "" || named[name] || strings.EqualFold(first, "INBOX") {
			continue
		}
		rt.Name = name
	}
}
