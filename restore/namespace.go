package restore

import (
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// stripNamespace takes the prefix of the source's personal namespace off the names of its mailboxes, for where a server puts
// a user's mailboxes is no part of their names: INBOX.Sent of a Courier is Sent elsewhere, as it is in its own Maildir. A name that
// would be another's, or INBOX, keeps it. The raw name stays, for a target that has a mailbox of exactly that name.
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
