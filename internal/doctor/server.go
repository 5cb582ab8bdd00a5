package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// extension is an IMAP extension that mailstrata uses.
type extension struct {
	check           string
	names           []string // any of them
	rev2            bool     // part of IMAP4rev2
	present, absent string
	warn            bool // warn if it is missing
}

// extensions are the extensions that mailstrata uses.
var extensions = []extension{
	{"LIST-STATUS", []string{"LIST-STATUS"}, true, "all mailboxes are examined in one round trip", "each mailbox is examined by itself: backups take longer", true},
	{"changes", []string{"QRESYNC", "CONDSTORE"}, false, "only what changed is read", "the flags of all messages are read every night", true},
	{"ids", []string{"OBJECTID", "X-GM-EXT-1"}, false, "moved messages are not downloaded again", "moved messages are downloaded again (and stored once)", false},
	{"UIDPLUS", []string{"UIDPLUS"}, true, "a restore learns the UIDs of its messages", "a restore searches for its messages", false},
	{"MULTIAPPEND", []string{"MULTIAPPEND"}, false, "a restore writes many messages at once", "a restore writes messages one by one", false},
	{"COMPRESS", []string{"COMPRESS=DEFLATE"}, false, "--compress helps below about 100 Mbit/s", "not offered", false},
}

// extensions reports which extensions the server has, and what that means.
func (e *findings) extensions(server mail.Server) {
	has := func(o extension) string {
		for _, name := range o.names {
			if slices.Contains(server.Capabilities, name) {
				return name
			}
		}
		if o.rev2 && slices.Contains(server.Capabilities, "IMAP4REV2") {
			return "IMAP4rev2"
		}
		if o.check == "ids" && slices.ContainsFunc(server.ID, func(f mail.Field) bool {
			return strings.EqualFold(f.Name, "name") && strings.EqualFold(f.Value, "Dovecot")
		}) {
			return "X-GUID" // has no capability
		}
		return ""
	}
	for _, o := range extensions {
		switch name := has(o); {
		case name != "":
			e.ok(o.check, "%s: %s", name, o.present)
		case o.warn:
			e.warn(o.check, "", "%s", o.absent)
		default:
			e.ok(o.check, "none: %s", o.absent)
		}
	}
	if slices.Contains(server.Capabilities, "X-GM-EXT-1") {
		e.ok("Gmail", "All Mail, Spam and Trash are read, each message once, with its labels; at most 2 GB a day by default")
	}
}

// skipped reports the mailboxes that a backup leaves out.
func (e *findings) skipped(survey *mail.Survey, server mail.Server) {
	var foreign, virtual []string
	for _, m := range survey.Mailboxes {
		switch {
		case !m.Selectable():
		case m.Skip == mail.SkipForeign:
			foreign = append(foreign, m.Name)
		case m.Skip == mail.SkipVirtual:
			virtual = append(virtual, m.Name)
		}
	}
	if len(foreign) > 0 {
		e.warn("namespaces", "to archive them, use backup --namespace, or namespaces in the configuration",
			"shared mailboxes and those of other users are not archived: %s", someOf(foreign))
	}
	for _, space := range server.Namespaces {
		if space.Kind != mail.Personal && len(foreign) == 0 && space.Prefix != "" {
			e.ok("namespaces", "%s: every mailbox in it is archived", space.Prefix)
		}
	}
	if len(virtual) > 0 {
		e.ok("virtual", "not archived, because they show the messages of other mailboxes: %s", someOf(virtual))
	}
}

// someOf lists the first few names.
func someOf(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
