package e2e_test

import (
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/mail"
)

// emlIn returns which messages are in the folders of a target of .eml files, by subject.
func emlIn(t *testing.T, path string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(path, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".eml" {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		folder, _ := filepath.Rel(path, filepath.Dir(file))
		subject, _, _ := strings.Cut(strings.TrimPrefix(string(data), "Subject: message "), "\r\n")
		found[subject] = append(found[subject], folder)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, folders := range found {
		slices.Sort(folders)
	}
	return found
}

// wantedIn has the mailboxes into which the labels of gmailAccount put its messages.
var wantedIn = map[string][]string{
	"0": {"INBOX", "Work", "[Gmail]/Important"}, "1": {"INBOX"}, "2": {"Work", "Work/2026"}, "3": {"Entwürfe", `say "hi"`},
	"4": {allMail}, "5": {allMail}, "6": {"[Gmail]/Sent Mail", "[Gmail]/Starred"}, "7": {"[Gmail]/Drafts"}, "8": {allMail},
	"9": {"Work", "not shown"}, "10": {"[Gmail]/Spam"}, "11": {"[Gmail]/Trash"},
}

// inAccount returns which messages are in the mailboxes of an account.
func inAccount(t *testing.T, address, user string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for raw, b := range readAccount(t, address, user, imapPassword) {
		name, _ := mail.DecodeName(raw)
		for _, l := range b.letters {
			subject, _, _ := strings.Cut(strings.TrimPrefix(string(l.contents), "Subject: message "), "\r\n")
			found[subject] = append(found[subject], name)
		}
	}
	for _, names := range found {
		slices.Sort(names)
	}
	return found
}

func sameIn(t *testing.T, what string, have, want map[string][]string) {
	t.Helper()
	for subject, names := range want {
		if !slices.Equal(have[subject], names) {
			t.Errorf("%s: message %s is in %q, want %q", what, subject, have[subject], names)
		}
	}
	if len(have) != len(want) {
		t.Errorf("%s: %d messages, want %d", what, len(have), len(want))
	}
}

// A message that was read once is restored to the mailboxes that its labels name, in every kind of
// target, and not twice.
func TestGmailLabelsAsMailboxes(t *testing.T) {
	t.Parallel()
	g, _ := gmailAccount(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	h := gmailHost(t)
	h.backUp(0, accountURL("anna", g.Addr))
	copies := 0
	for _, in := range wantedIn {
		copies += len(in)
	}
	maildir, eml := filepath.Join(h.home, "maildir"), filepath.Join(h.home, "eml")
	for _, target := range []string{"maildir:" + maildir, "eml:" + eml, accountURL("bert", dovecot.Addr)} {
		if r := h.restore(0, "latest", target, "--dry-run"); r.Added != copies || r.Messages != copies {
			t.Errorf("to %s would come %+v, want %d", target, r, copies)
		}
		if r := h.restore(0, "latest", target); r.Added != copies || r.Messages != copies || r.Mailboxes != 14 {
			t.Errorf("to %s came %+v, want %d", target, r, copies)
		}
		if r := h.restore(0, "latest", target); r.Added != 0 || r.Present != copies {
			t.Errorf("to %s came once more %+v", target, r)
		}
	}
	inFiles := maps.Clone(wantedIn)
	inFiles["3"] = []string{"Entwürfe", "say %22hi%22"} // as .eml files have it
	sameIn(t, "eml", emlIn(t, eml), inFiles)
	dovecot.Deliver("bert", "Work", plain(0, 1)...)
	if done := h.prune(0, "latest", accountURL("bert", dovecot.Addr), "--yes"); done.Removed != 1 || done.FlagsSet != 0 || done.MailboxesRemoved != 0 {
		t.Errorf("pruned: %+v", done)
	}
	sameIn(t, "Dovecot", inAccount(t, dovecot.Addr, "bert"), wantedIn)

	// Chosen mailboxes and messages.
	some := accountURL("carl", dovecot.Addr)
	h.restore(0, "latest", some, "--mailbox", "Work", "--mailbox", "INBOX")
	sameIn(t, "chosen", inAccount(t, dovecot.Addr, "carl"), map[string][]string{"0": {"INBOX", "Work"}, "1": {"INBOX"}, "2": {"Work", "Work/2026"}, "9": {"Work"}})
	found := accountURL("dora", dovecot.Addr)
	h.restore(0, "latest", found, "--subject", "message 2")
	sameIn(t, "found", inAccount(t, dovecot.Addr, "dora"), map[string][]string{"2": wantedIn["2"]})
	labeled := accountURL("emil", dovecot.Addr)
	h.restore(0, "latest", labeled, "--label", "entwürfe", "--labels-as", "none")
	sameIn(t, "labeled", inAccount(t, dovecot.Addr, "emil"), map[string][]string{"3": {allMail}})
}

// With labels as keywords, a message is restored once, and its labels can be read back from them.
func TestGmailLabelsAsKeywords(t *testing.T) {
	t.Parallel()
	g, messages := gmailAccount(t)
	h := gmailHost(t)
	h.backUp(0, accountURL("anna", g.Addr))
	eml := filepath.Join(h.home, "eml")
	if r := h.restore(0, "latest", "eml:"+eml, "--labels-as", "keywords"); r.Added != len(messages) || r.Mailboxes != 3 {
		t.Errorf("%+v", r)
	}
	lines, err := os.ReadFile(filepath.Join(eml, allMail, "flags.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		var reported struct {
			File  string
			UID   int
			Flags []string
		}
		if err := json.Unmarshal([]byte(line), &reported); err != nil {
			t.Fatal(err)
		}
		var labels []string
		for _, flag := range reported.Flags {
			label, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(flag)))
			if err == nil && mail.LabelKeyword(string(label)) == flag {
				labels = append(labels, string(label))
			}
		}
		if want := slices.Sorted(slices.Values(messages[reported.UID-1].Labels)); !slices.Equal(slices.Sorted(slices.Values(labels)), want) {
			t.Errorf("message %d has %q, want %q", reported.UID-1, reported.Flags, want)
		}
	}
}

// To Gmail a message is restored once, with its labels, into an account in another language.
func TestGmailToGmail(t *testing.T) {
	t.Parallel()
	g, messages := gmailAccount(t)
	other := startGmail(t, "Alle Nachrichten")
	h := gmailHost(t)
	h.backUp(0, accountURL("anna", g.Addr))
	target := accountURL("bert", other.Addr)
	for round := range 2 {
		if r := h.restore(0, "latest", target); round == 0 && r.Added != len(messages) || round == 1 && (r.Added != 0 || r.Present != len(messages)) {
			t.Errorf("round %d: %+v", round, r)
		}
	}
	if e := h.must(1, "restore", "latest", "--to", target, "--prune", "--yes"); !strings.Contains(e.stderr, "Gmail") {
		t.Errorf("pruned, it says %s", e.stderr)
	}
	have := other.Messages()
	if len(have) != len(messages) {
		t.Fatalf("%d messages, want %d", len(have), len(messages))
	}
	for _, m := range have {
		i := slices.IndexFunc(messages, func(w *gmailMessage) bool { return w.Body == m.Body })
		want := messages[i]
		labels := want.Labels
		if want.Home != "" {
			labels = nil
		}
		if !slices.Equal(slices.Sorted(slices.Values(m.Labels)), slices.Sorted(slices.Values(labels))) || m.Home != want.Home || !m.Date.Equal(want.Date) || !slices.Equal(m.Flags, want.Flags) {
			t.Errorf("message %d is %+v, want %+v", i, m, want)
		}
	}
	if names := other.Mailboxes(); !slices.Contains(names, "empty") || slices.Contains(names, allMail) {
		t.Errorf("there are %q", names)
	}

	// A chosen label chooses messages, and they come with all their labels.
	third := startGmail(t, "Todos")
	for round := range 2 {
		if r := h.restore(0, "latest", accountURL("carl", third.Addr), "--mailbox", "Work"); round == 0 && r.Added != 3 || round == 1 && (r.Added != 0 || r.Present != 3) {
			t.Errorf("round %d: %+v", round, r)
		}
	}
	for _, m := range third.Messages() {
		i := slices.IndexFunc(messages, func(w *gmailMessage) bool { return w.Body == m.Body })
		if !slices.Contains([]int{0, 2, 9}, i) || !slices.Equal(slices.Sorted(slices.Values(m.Labels)), slices.Sorted(slices.Values(messages[i].Labels))) {
			t.Errorf("message %d has %q", i, m.Labels)
		}
	}
	for mode, want := range map[string]int{"keywords": 3, "none": 3, "mailboxes": 4} {
		path := filepath.Join(h.home, mode)
		if r := h.restore(0, "latest", "eml:"+path, "--mailbox", "Work", "--labels-as", mode); r.Added != want {
			t.Errorf("labels as %s: %+v", mode, r)
		}
		for subject, in := range emlIn(t, path) {
			if mode != "mailboxes" && !slices.Equal(in, []string{allMail}) || !slices.Contains([]string{"0", "2", "9"}, subject) {
				t.Errorf("labels as %s: message %s is in %q", mode, subject, in)
			}
		}
	}
	if r := h.restore(0, "latest", "eml:"+filepath.Join(h.home, "empty"), "--mailbox", "empty", "--labels-as", "none"); r.Messages != 0 {
		t.Errorf("%+v", r)
	}
}
