package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// extension is an extension that makes a difference.
type extension struct {
	check           string
	names           []string // any of them will do
	rev2            bool     // a part of IMAP4rev2
	present, absent string
	warn            bool // its lack is worth a warning
}

// extensions are what of a server's capabilities mailstrata makes use of.
var extensions = []extension{
	{"LIST-STATUS", []string{"LIST-STATUS"}, true, "the account is looked over in one round trip", "each mailbox is asked for singly: nights take longer", true},
	{"changes", []string{"QRESYNC", "CONDSTORE"}, false, "only what changed is read", "the flags of all messages are read every night", true},
	{"ids", []string{"OBJECTID", "X-GM-EXT-1"}, false, "messages that were moved are not downloaded again", "messages that were moved are downloaded again (and stored once)", false},
	{"UIDPLUS", []string{"UIDPLUS"}, true, "a restore is told where its messages went", "a restore looks for what it wrote", false},
	{"MULTIAPPEND", []string{"MULTIAPPEND"}, false, "a restore writes many messages at once", "a restore writes messages one by one", false},
	{"COMPRESS", []string{"COMPRESS=DEFLATE"}, false, "--compress helps below about 100 Mbit/s", "not offered", false},
}

// extensions notes what the server offers, and what is made of it.
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
			return "X-GUID" // for which there is no capability
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
		e.ok("Gmail", "All Mail, Spam and Trash are read, each message once, with its labels; 2 GB a day at the most, if no budget is given")
	}
}

// skipped reports the mailboxes that a backup leaves out, and the namespaces without any.
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
		e.warn("namespaces", "backup --namespace, or namespaces in the configuration, archives them",
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
