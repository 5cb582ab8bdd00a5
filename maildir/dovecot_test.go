package maildir

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var layouts = map[string]struct {
	layout Layout
	config func(version string) string // of a Dovecot that reads it
}{
	"Maildir++": {MaildirPP, func(string) string { return "" }},
	"nested": {Nested, func(version string) string {
		if strings.HasPrefix(version, "2.3.") {
			return "mail_location = maildir:~/Maildir:LAYOUT=fs"
		}
		return "mailbox_list_layout = fs"
	}},
}

// A mail server that reads the Maildir shows what was archived.
func TestDovecotShowsTheSame(t *testing.T) {
	for name, l := range layouts {
		t.Run(name, func(t *testing.T) {
			version, _ := exec.Command("dovecot", "--version").Output() // if there is none, testbed reports it
			dovecot := testbed.Dovecot(t, testbed.DovecotOptions{Config: l.config(string(version))})
			path := filepath.Join(dovecot.Home("anna"), "Maildir")
			mailboxes, messages := account()
			_, changed, notes := restoreTo(t, New(path, Options{Layout: l.layout}), mailboxes, messages)
			if len(changed) > 0 || len(notes) > 0 {
				t.Errorf("changed %q, notes %q", changed, notes)
			}
			chown(t, dovecot.Home("anna"))
			checkNames(t, dovecot, mailboxes)
			for _, m := range mailboxes {
				checkMailbox(t, dovecot, m.Name, messages[m.Name])
			}
			if log := dovecot.Log(); strings.Contains(log, "Error") || strings.Contains(log, "Warning") {
				t.Errorf("Dovecot complains: %s", log)
			}
		})
	}
}

// account returns an account with everything that a Maildir can show.
func account() ([]mail.Mailbox, map[string][]restore.Message) {
	mailboxes := []mail.Mailbox{
		box("INBOX"), box("INBOX/Child"), box("Sent"), box("Projects/2023"), box("Projects"), box("Entwürfe/日本語 & more"),
		box("cur mail"), box("100% mine"), box("empty"), box("Spam & eggs"),
	}
	for i := range mailboxes {
		mailboxes[i].Subscribed = i%2 == 1
	}
	messages := make(map[string][]restore.Message)
	for i, m := range mailboxes {
		if m.Name != "empty" {
			messages[m.Name] = []restore.Message{message(mail.UID(i+1), text(m.Name), someDate)}
		}
	}
	messages["INBOX"] = []restore.Message{
		message(9, text("nine"), "01-Jan-2020 00:00:00 +0000", `\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, "$Forwarded", "Later"),
		message(10, text("ten"), "31-Dec-2019 23:59:59 -1130", "$junk", "Later"),
		message(11, "Subject: no end of line\r\n\r\nend", someDate, `\Seen`),
		message(12, "", someDate, "foo[bar]"),
		message(100, "Subject: bare CR\r\n\r\na\rb\r\n\r\r\nc\r", someDate),
		message(101, "Subject: CR CR LF\r\n\r\na\r\r\nb\r\n", someDate),
		message(102, "only header\r\n", someDate),
		message(103, "\r\nonly body\r\n", someDate),
		message(104, "Subject: long line\r\n\r\n"+strings.Repeat("x", 1<<20)+"\r\n", "17-Jul-2033 02:44:25 +0000"),
		message(1<<31-1, text("the last UID whose place Dovecot knows"), someDate),
	}
	return mailboxes, messages
}

func chown(t *testing.T, path string) {
	t.Helper()
	if out, err := exec.Command("chown", "-R", "nobody:nogroup", path).CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
}

// checkNames compares the names and subscriptions of all mailboxes.
func checkNames(t *testing.T, dovecot *testbed.DovecotServer, mailboxes []mail.Mailbox) {
	t.Helper()
	var want, subscribed []string
	for _, m := range mailboxes {
		want = append(want, m.Name)
		if m.Subscribed {
			subscribed = append(subscribed, m.Name)
		}
	}
	want = append(want, "Entwürfe") // a level above others is listed, too
	compareNames(t, "mailboxes", dovecot.Doveadm("mailbox", "list", "-8", "-u", "anna"), want)
	compareNames(t, "subscriptions", dovecot.Doveadm("mailbox", "list", "-8", "-s", "-u", "anna"), subscribed)
}

// compareNames compares a list with one name a line.
func compareNames(t *testing.T, what, listing string, want []string) {
	t.Helper()
	have := strings.Split(strings.TrimSpace(listing), "\n")
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("%s are %q, want %q", what, have, want)
	}
}

// checkMailbox compares the messages of a mailbox, in their order.
func checkMailbox(t *testing.T, dovecot *testbed.DovecotServer, name string, wanted []restore.Message) {
	t.Helper()
	levels := strings.Split(name, "/")
	for i := range levels {
		levels[i] = mail.EncodeName(levels[i])
	}
	have := fetch(t, dovecot, "anna", strings.Join(levels, "/"))
	if len(have) != len(wanted) {
		t.Errorf("%s: %d messages, want %d", name, len(have), len(wanted))
		return
	}
	for i, m := range wanted {
		h := have[i]
		text := m.Body.(body).text
		if h.body != text {
			t.Errorf("%s: message %d is %.100q, want %.100q", name, m.UID, h.body, text)
		}
		if h.size != len(text) {
			t.Errorf("%s: message %d has RFC822.SIZE %d, want %d", name, m.UID, h.size, len(text))
		}
		if !h.flags.Equal(m.Flags) {
			t.Errorf("%s: message %d has flags %q, want %q", name, m.UID, h.flags, m.Flags)
		}
		if h.date.Seconds != m.Internal.Seconds {
			t.Errorf("%s: message %d has date %s, want %s", name, m.UID, h.date, m.Internal)
		}
	}
}
