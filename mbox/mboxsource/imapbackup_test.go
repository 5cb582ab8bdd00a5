package mboxsource

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mbox/mboxrestore"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

var fromWords = regexp.MustCompile(`\n(>*From)`)

// saved is a message as imap-backup gets it from a server.
type saved struct {
	uid   int
	from  string // what follows "From "
	text  string
	flags []string
}

// imapBackup writes an mbox and its .imap file as imap-backup does.
func imapBackup(t *testing.T, path string, version float64, messages ...saved) {
	t.Helper()
	var box strings.Builder
	list := []map[string]any{}
	for _, m := range messages {
		text := fromWords.ReplaceAllString(strings.ReplaceAll(m.text, "\r\n", "\n"), "\n>$1")
		for !strings.HasSuffix(text, "\n\n") {
			text += "\n"
		}
		text = "From " + m.from + "\n" + text
		list = append(list, map[string]any{"uid": m.uid, "offset": box.Len(), "length": len(text), "flags": m.flags})
		box.WriteString(text)
	}
	metadata, err := json.Marshal(map[string]any{"version": version, "uid_validity": 77, "messages": list})
	if err != nil {
		t.Fatal(err)
	}
	put(t, path+".mbox", box.String())
	put(t, path+".imap", string(metadata))
}

var letters42 = []saved{
	{42, "anna@mail.example Fri Mar 13 03:10:00 2026", "Subject: a\r\nFrom: anna@mail.example\r\nDate: Fri, 13 Mar 2026 03:10:00 +0100\r\n\r\n" +
		"Fromage\r\nFrom here\r\n>From there\r\n", []string{"Seen", "$Junk", "Recent"}},
	{45, "bob@mail.example", "From: bob@mail.example\r\nSubject: no date\r\nStatus: RO\r\n\r\nx\r\n", nil}, // glued to the one before, without .imap
	{50, "eve@mail.example Tue Aug 20 03:19:26 2019", "Subject: c\r\nFrom: eve@mail.example\r\n\r\ny\r\n", []string{"Deleted", "Draft"}},
}

// What imap-backup keeps has the text, the UIDs and the flags that the server gave.
func TestImapBackup(t *testing.T) {
	for _, version := range []float64{3, 3.1} {
		path := t.TempDir()
		imapBackup(t, path+"/INBOX", version, letters42...)
		imapBackup(t, path+"/Empty", version)
		r := archivetest.NewRepo(t, new(storetest.Memory))
		b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
		dates := []string{"13-Mar-2026 03:10:00 +0100", " 1-Jan-1970 00:00:00 +0000", "20-Aug-2019 03:19:26 +0000"}
		flags := []string{`[$Junk \Seen]`, "[]", `[\Deleted \Draft]`}
		want := make(map[string]string)
		for i, m := range letters42 {
			want[fmt.Sprintf("INBOX %s [] %s %q", flags[i], dates[i], m.text)] = fmt.Sprintf("INBOX/77/%d", m.uid)
		}
		have := archivetest.ArchivedUIDs(t, r, b.Head)
		for line, uid := range have {
			if want[line] != uid {
				t.Errorf("%v: %s: %s", version, uid, line)
			}
		}
		if len(have) != 3 || b.Manifest.Totals.Mailboxes != 2 || len(b.Manifest.Warnings)+len(b.Manifest.Failures) > 0 {
			t.Errorf("%v: %+v, %v, %v", version, b.Manifest.Totals, b.Manifest.Warnings, b.Manifest.Failures)
		}
		// The flags of a message change, and another one arrives.
		again := slices.Clone(letters42)
		again[0].flags = nil
		imapBackup(t, path+"/INBOX", version, append(again, saved{51, "x", "Subject: d\r\n\r\n", nil})...)
		b = archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
		lines := archivetest.ArchivedMail(t, r, b.Head)
		if b.Manifest.Totals.NewMessages != 1 || len(lines) != 4 || strings.Contains(strings.Join(lines, ""), "Junk") {
			t.Errorf("%v: %+v, %q", version, b.Manifest.Totals, lines)
		}
		// A restore to an mbox has the flags.
		back := t.TempDir() + "/back"
		archivetest.RestoreTo(t, r, b.Head, mboxrestore.New(back))
		text, err := os.ReadFile(filepath.Join(back, "INBOX.mbox"))
		if err != nil || !strings.Contains(string(text), "X-Status: TD\n") {
			t.Errorf("%v: %s, %v", version, text, err)
		}
	}
}

// An .imap file that is not that of the mbox is not used, and a warning says so. What follows its
// messages is not read.
func TestImapBackupThatDoesNotFit(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(box, metadata string) (string, string)
		want    int
		warning string
	}{
		"shorter": {func(box, m string) (string, string) { return box[:len(box)-40], m }, 2, "does not fit the mbox"},
		"edited": {func(box, m string) (string, string) {
			return "From anna@mail.example Fri Mar 13 03:10:00 2026\n" + box, m
		}, 2, "does not fit"},
		"no JSON":    {func(box, m string) (string, string) { return box, m[:len(m)/2] }, 2, "does not fit"},
		"newer":      {func(box, m string) (string, string) { return box, strings.Replace(m, `"version":3`, `"version":9`, 1) }, 2, "does not fit"},
		"unfinished": {func(box, m string) (string, string) { return box + "From x\nSubject: ha", m }, 3, "has 18 bytes after the last message of"},
	} {
		path := t.TempDir()
		imapBackup(t, path+"/INBOX", 3, letters42...)
		box, err := os.ReadFile(path + "/INBOX.mbox")
		if err != nil {
			t.Fatal(err)
		}
		metadata, err := os.ReadFile(path + "/INBOX.imap")
		if err != nil {
			t.Fatal(err)
		}
		text, numbers := test.change(string(box), string(metadata))
		put(t, path+"/INBOX.mbox", text)
		put(t, path+"/INBOX.imap", numbers)
		r := archivetest.NewRepo(t, new(storetest.Memory))
		b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
		if have := archivetest.ArchivedMail(t, r, b.Head); len(have) != test.want || !strings.Contains(fmt.Sprint(b.Manifest.Warnings), test.warning) {
			t.Errorf("%s: %q, %v", name, have, b.Manifest.Warnings)
		}
	}
}

// A file beside an mbox can be anything.
func FuzzMetadata(f *testing.F) {
	f.Add(`{"version":3,"uid_validity":7,"messages":[{"uid":42,"offset":0,"length":12,"flags":["Seen","$Junk"]}]}`, "From x\n\nabc\n")
	f.Fuzz(func(t *testing.T, text, box string) {
		m, err := parseMetadata(strings.NewReader(text), int64(len(box)))
		if err != nil {
			return
		}
		if m.end() > int64(len(box)) {
			t.Errorf("ends at %d of %d", m.end(), len(box))
		}
		for i := range m.Messages {
			n := &m.Messages[i]
			if flags, _ := n.flags(); len(flags) > 100 {
				t.Errorf("%d flags", len(flags))
			}
			p, err := n.place(strings.NewReader(box))
			if err == nil && (p.From != n.Offset || p.Start > p.End || p.Start <= p.From || p.End > n.Offset+n.Length) {
				t.Errorf("%+v", p)
			}
		}
	})
}
