package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/discover"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/jmap/jmapsource"
	"github.com/mailstrata/mailstrata/mail"
)

// defaultTimeLimit is the default time limit for checking one account.
const defaultTimeLimit = 10 * time.Minute

// accountsAtOnce bounds how many accounts are checked at once. A login and one look at the
// mailboxes are little work for a server, and mostly wait for it.
const accountsAtOnce = 8

// Accounts logs in to accounts, and checks what their servers offer. flags and timeLimit override
// the configuration. Secrets are read one after the other, because the user may be asked for one.
func Accounts(
	ctx context.Context, h *access.Host, accounts []*access.Account, flags *access.AccountFlags,
	timeLimit time.Duration,
) []Finding {
	found := make([][]Finding, len(accounts))
	var group errgroup.Group
	group.SetLimit(accountsAtOnce)
	for i, a := range accounts {
		e := &findings{subject: a.Name}
		if !a.Files.IsZero() {
			found[i] = e.files(a)
			continue
		}
		if err := h.UnlockAccount(ctx, a, flags); err != nil {
			found[i] = e.fail("secret", err)
			continue
		}
		if from := h.DescribeSecret(a); from != "" {
			e.ok("secret", "%s", from)
		}
		targets := h.Items(a, flags)
		group.Go(func() error {
			found[i] = e.account(ctx, a, flags, timeLimit)
			found[i] = e.items(ctx, targets)
			if !slices.ContainsFunc(found[i], func(f Finding) bool { return f.Status == Fail }) {
				found[i] = e.offers(ctx, h, a, flags, new(discover.Finder))
			}
			return nil
		})
	}
	_ = group.Wait()
	return slices.Concat(found...)
}

// files checks an account whose mail is in files.
func (f *findings) files(a *access.Account) []Finding {
	if _, err := os.Stat(a.Files.Path); err != nil {
		return f.fail("files", err)
	}
	f.ok("files", "%s is there", a.Files)
	return f.found
}

// account logs in to an account, and checks what its server offers.
func (f *findings) account(
	ctx context.Context, a *access.Account, flags *access.AccountFlags, timeLimit time.Duration,
) []Finding {
	a.Options.Namespaces, a.Options.Virtual = a.Configured.Namespaces, a.Configured.Virtual
	limit := cmp.Or(timeLimit, defaultTimeLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("the server did not finish within %v (--time-limit)", limit))
	defer cancel()
	var from source.Source = imapsource.NewSource(a.Options)
	if !a.JMAP.IsZero() {
		from = jmapsource.New(jmap.NewClient(a.JMAPOptions()), jmapsource.Options{})
	}
	defer from.Close()
	server, err := from.Server(ctx)
	if err != nil {
		return f.fail("login", a.AdviseLogin(flags, err))
	}
	f.ok("login", "%s accepts the login of %s", a.Options.Host, a.Options.User)
	survey, err := from.Survey(ctx)
	if err != nil {
		return f.fail("mailboxes", err)
	}
	mailboxes, messages := survey.Counts()
	f.ok("mailboxes", "%s, %s", ui.Plural(mailboxes, "mailbox"), ui.Plural(messages, "message"))
	if a.JMAP.IsZero() {
		f.reads(ctx, from, survey)
	}
	f.skipped(survey, server)
	for _, note := range survey.Notes {
		f.warn("mailboxes", "", "%s", note)
	}
	if a.JMAP.IsZero() {
		f.extensions(server)
	}
	return f.found
}

// reads opens a mailbox and reads a little of a message.
func (f *findings) reads(ctx context.Context, from source.Source, survey *mail.Survey) {
	mailbox, read, err := source.Sample(ctx, from, survey)
	switch {
	case err != nil:
		f.fail("reading", err)
	case read:
		f.ok("reading", "%s opens, and a message in it can be read", mailbox.Name)
	case mailbox != nil:
		f.ok("reading", "%s opens; there is no message to try", mailbox.Name)
	}
}

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
	{
		"LIST-STATUS", []string{"LIST-STATUS"}, true, "all mailboxes are examined in one round trip",
		"each mailbox is examined separately: backups take longer", true,
	},
	{
		"changes", []string{"QRESYNC", "CONDSTORE"}, false, "only what changed is read",
		"the flags of all messages are read every night", true,
	},
	{
		"ids", []string{"OBJECTID", "X-GM-EXT-1"}, false, "moved messages are not downloaded again",
		"moved messages are downloaded again (and stored once)", false,
	},
	{
		"UIDPLUS", []string{"UIDPLUS"}, true, "a restore learns the UIDs of its messages",
		"a restore searches for its messages", false,
	},
	{
		"MULTIAPPEND", []string{"MULTIAPPEND"}, false, "a restore writes many messages at once",
		"a restore writes messages one by one", false,
	},
	{"COMPRESS", []string{"COMPRESS=DEFLATE"}, false, "--compress helps below about 100 Mbit/s", "not offered", false},
}

// extensions reports which extensions the server has, and what that means.
func (f *findings) extensions(server mail.Server) {
	has := func(o extension) string {
		for _, name := range o.names {
			if slices.Contains(server.Capabilities, name) {
				return name
			}
		}
		if o.rev2 && slices.Contains(server.Capabilities, "IMAP4REV2") {
			return "IMAP4rev2"
		}
		if o.check == "ids" && slices.ContainsFunc(server.ID, func(field mail.Field) bool {
			return strings.EqualFold(field.Name, "name") && strings.EqualFold(field.Value, "Dovecot")
		}) {
			return "X-GUID" // has no capability
		}
		return ""
	}
	for _, o := range extensions {
		switch name := has(o); {
		case name != "":
			f.ok(o.check, "%s: %s", name, o.present)
		case o.warn:
			f.warn(o.check, "", "%s", o.absent)
		default:
			f.ok(o.check, "none: %s", o.absent)
		}
	}
	if slices.Contains(server.Capabilities, "X-GM-EXT-1") {
		f.ok("Gmail",
			"All Mail, Spam and Trash are read, each message once, with its labels; at most 2 GB a day by default")
	}
}

// skipped reports the mailboxes that a backup leaves out.
func (f *findings) skipped(survey *mail.Survey, server mail.Server) {
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
		f.warn("namespaces", "to archive them, use backup --namespace, or namespaces in the configuration",
			"shared mailboxes and those of other users are not archived: %s", someOf(foreign))
	}
	for _, space := range server.Namespaces {
		if space.Kind != mail.Personal && len(foreign) == 0 && space.Prefix != "" {
			f.ok("namespaces", "%s: every mailbox in it is archived", space.Prefix)
		}
	}
	if len(virtual) > 0 {
		f.ok("virtual", "not archived, because they show the messages of other mailboxes: %s", someOf(virtual))
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
