package mboxsource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/maildir"
	"github.com/mailstrata/mailstrata/maildir/maildirsource"
	"github.com/mailstrata/mailstrata/mbox"
	"github.com/mailstrata/mailstrata/mbox/mboxrestore"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// put writes a file that looks as if it had not changed for a while.
func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

const (
	fromA = "From anna@mail.example Tue Aug 20 03:19:26 2019\n"
	fromM = "From MAILER-DAEMON Tue Aug 20 03:19:27 2019\n"
	first = fromA + "Subject: a\nStatus: RO\nX-Status: F\n\n>From here\n\n"
	other = fromM + "Subject: b\nStatus: O\n\nx\n\n"
	date  = "20-Aug-2019 03:19:26 +0000"
	later = "20-Aug-2019 03:19:27 +0000"
)

// A text that begins as a From line does is no mbox, and ends nothing.
func TestTextThatBeginsWithFrom(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/INBOX", first)
	put(t, path+"/novel.txt", "From here to eternity\n\nIt was a dark and stormy night.\n")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	if n := len(archivetest.ArchivedMail(t, r, b.Head)); n != 1 || len(b.Manifest.Failures) > 0 {
		t.Errorf("%d messages, failures %v", n, b.Manifest.Failures)
	}
	if notes := strings.Join(b.Manifest.Warnings, "\n"); !strings.Contains(notes, "novel.txt is no mbox") {
		t.Errorf("warnings: %s", notes)
	}
}

// Each mbox below a directory is a mailbox, by the habits of several mail programs; other files are
// not.
func TestBackup(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/INBOX", first+other)
	put(t, path+"/INBOX.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->")
	put(t, path+"/Projects.sbd/2023", other+other)
	put(t, path+"/Old.mbox/mbox", strings.ReplaceAll(first, "\n", "\r\n"))
	put(t, path+"/empty.mbox", "")
	put(t, path+"/notes.txt", "no mail")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	a, bb := `"Subject: a\r\n\r\nFrom here\r\n"`, `"Subject: b\r\n\r\nx\r\n"`
	want := []string{
		`INBOX [\Flagged \Seen] [] ` + date + " " + a,
		`INBOX [] [] ` + later + " " + bb,
		`Old [\Flagged \Seen] [] ` + date + " " + a,
		`Projects/2023 [] [] ` + later + " " + bb,
		`Projects/2023 [] [] ` + later + " " + bb,
	}
	if have := archivetest.ArchivedMail(t, r, b.Head); !slices.Equal(have, want) {
		t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
	}
	uids := archivetest.ArchivedUIDs(t, r, b.Head)
	if b.Manifest.Totals.Mailboxes != 4 || !b.Manifest.Consistent || len(b.Manifest.Failures)+len(b.Manifest.Warnings) > 0 {
		t.Errorf("%+v, %v, %v", b.Manifest.Totals, b.Manifest.Failures, b.Manifest.Warnings)
	}

	// The first message is deleted, and one is added: only that one is read, and the other keeps
	// its UID.
	put(t, path+"/INBOX", other+strings.Replace(other, "Subject: b", "Subject: c", 1))
	again := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	now := archivetest.ArchivedUIDs(t, r, again.Head)
	if again.Manifest.Totals.NewMessages != 1 || now[want[1]] != uids[want[1]] {
		t.Errorf("%+v, %v", again.Manifest.Totals, now)
	}
	if third := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil)); third.Manifest.Totals.NewMessages != 0 {
		t.Errorf("%+v", third.Manifest.Totals)
	}
}

// mbox → archive → mbox: the same bytes.
func TestRoundTrip(t *testing.T) {
	path := t.TempDir()
	var lists strings.Builder
	g := generate.New(7)
	for i, m := range g.Messages(80) {
		text := bytes.ReplaceAll(m.Body, []byte("\r\n"), []byte("\n"))
		from := mbox.FromLine(m.Date)
		if i%2 == 0 {
			from = fmt.Sprintf("From %d@xxx %s", i, m.Date.Format("Mon Jan 02 15:04:05 -0700 2006"))
		}
		w := mbox.NewWriter(&lists)
		_, err := w.Write(&mbox.Message{From: from, Flags: mail.NewFlags(m.Flags...), Own: i%5 == 0}, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
		if err := errors.Join(err, w.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{
		"INBOX.mbox": first + other + fromM + "mixed: 1\n\nx\r\ny\n\n" + fromM + "crlf: 1\r\n\r\nx\r\n\n", "Lists/2023.mbox": lists.String(), "empty.mbox": "",
	}
	for name, text := range files {
		put(t, filepath.Join(path, name), text)
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	back := filepath.Join(t.TempDir(), "back")
	report := archivetest.RestoreTo(t, r, b.Head, mboxrestore.New(back))
	if !report.Whole() || report.Changed > 0 {
		t.Errorf("%+v", report.Problems)
	}
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join(back, name))
		if err != nil || string(have) != want {
			t.Errorf("%s: difference: %s, %v", name, archivetest.FirstDifference(strings.Split(string(have), "\n"), strings.Split(want, "\n")), err)
		}
	}
}

// The same mail from a Maildir and from an mbox has the same hashes, and nothing is stored twice.
func TestSameHashes(t *testing.T) {
	path := t.TempDir()
	var box bytes.Buffer
	w := mbox.NewWriter(&box)
	for i, m := range generate.New(11).Messages(60) {
		text := bytes.ReplaceAll(m.Body, []byte("\r\n"), []byte("\n"))
		if i%5 == 1 {
			text = slices.Concat([]byte("X-A: a\r\n"), text, []byte("one\r\r\ntwo\n\r\n\nthree\rfour\n"))
		}
		put(t, fmt.Sprintf("%s/Maildir/cur/1%05d.m:2,", path, i), string(text))
		if _, err := w.Write(&mbox.Message{Arrived: m.Date, Flags: mail.NewFlags(m.Flags...)}, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), os.Mkdir(path+"/Maildir/new", 0o700)); err != nil {
		t.Fatal(err)
	}
	put(t, path+"/INBOX.mbox", box.String())
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	a := archivetest.BackupFiles(t, r, "maildir:"+path, maildirsource.New(path+"/Maildir"))
	hashes := archivetest.ArchivedHashes(t, r, a.Head)
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path+"/INBOX.mbox", nil))
	if have := archivetest.ArchivedHashes(t, r, b.Head); !slices.Equal(have, hashes) || len(have) != 60 {
		t.Errorf("%d hashes, and %d others", len(have), len(hashes))
	}
	packs := 0
	for object, err := range store.List(t.Context(), "data/") {
		if err != nil || object.Name == "" {
			t.Fatal(err)
		}
		packs++
	}
	if packs != 1 {
		t.Errorf("there are %d packs of mail", packs)
	}
}

// Takeout's labels become labels of Gmail, and a restore puts messages into their mailboxes.
func TestTakeout(t *testing.T) {
	path := t.TempDir() + "/All mail Including Spam and Trash.mbox"
	message := func(subject, labels string) string {
		return "From 1234@xxx Tue Aug 20 03:19:26 +0000 2019\nX-GM-THRID: 1\nX-Gmail-Labels: " + labels + "\nSubject: " + subject + "\n\nx\n\n"
	}
	text := message("a", "Inbox,Opened,Important") + message("b", "=?UTF-8?Q?Unread,R=C3=A9sum=C3=A9,=22a,_b=22,?=\n =?UTF-8?Q?Starred?=") + message("c", "Archived,Category Updates,Sent")
	put(t, path, text)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	var have []string
	for _, line := range archivetest.ArchivedMail(t, r, b.Head) {
		line, _, _ = strings.Cut(line, date)
		have = append(have, line)
	}
	const all = "All mail Including Spam and Trash "
	want := []string{all + `[\Flagged] [R&AOk-sum&AOk- \Starred a, b] `, all + `[\Seen] [\Important \Inbox] `, all + `[\Seen] [\Sent] `}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
	back := t.TempDir() + "/back"
	if report := archivetest.RestoreTo(t, r, b.Head, maildir.New(back, maildir.Options{})); !report.Whole() {
		t.Errorf("%+v", report.Problems)
	}
	for _, dir := range []string{"", ".Important", ".R&AOk-sum&AOk-", ".a, b", ".Sent", ".Starred"} {
		entries, err := os.ReadDir(filepath.Join(back, dir, "cur"))
		if err != nil || len(entries) != 1 {
			t.Errorf("%s: %v, %v", dir, entries, err)
		}
	}
	again := t.TempDir() + "/again.mbox"
	c := archivetest.RestoreTo(t, r, b.Head, &flat{mboxrestore.New(again)})
	if have, err := os.ReadFile(again); err != nil || c.Messages != 3 || string(have) != text {
		t.Errorf("%d messages, %q, %v", c.Messages, have, err)
	}
}

// flat is a target that has labels, so that each message is restored once.
type flat struct{ *mboxrestore.Target }

func (flat) KeepsLabels(context.Context) (bool, error) { return true, nil }

// Pipes, links and directories that cannot be read are named.
func TestHostileFiles(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/INBOX", first)
	err := errors.Join(syscall.Mkfifo(path+"/pipe", 0o600), os.Symlink("/etc", path+"/etc"), os.Symlink("INBOX", path+"/link"))
	if err != nil {
		t.Fatal(err)
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	if notes := fmt.Sprint(b.Manifest.Warnings); len(archivetest.ArchivedMail(t, r, b.Head)) != 1 || !strings.Contains(notes, "/etc is a symbolic link") {
		t.Errorf("warnings: %s", notes)
	}
}

// A program rewrites the mbox while it is read: no message is archived that was not in it.
func TestRewritten(t *testing.T) {
	path := t.TempDir() + "/INBOX"
	var one, two strings.Builder
	for i := range 200 {
		fmt.Fprintf(&one, "%sSubject: one %d\n\n%s\n\n", fromA, i, strings.Repeat("x", i*20))
		fmt.Fprintf(&two, "%sSubject: two %d\n\n%s\n\n", fromA, i, strings.Repeat("y", i*33))
	}
	put(t, path, one.String())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil; n++ {
			_ = os.WriteFile(path, []byte([]string{one.String(), two.String()}[n%2]), 0o600)
			time.Sleep(20 * time.Millisecond)
		}
		_ = os.WriteFile(path, []byte(two.String()), 0o600)
	}()
	r := archivetest.NewRepo(t, new(storetest.Memory))
	time.AfterFunc(300*time.Millisecond, stop)
	b := archivetest.TryBackupFiles(t.Context(), r, "mbox:"+path, New(path, nil))
	stop()
	<-done
	if b.Err == nil {
		for _, line := range archivetest.ArchivedMail(t, r, b.Head) {
			if strings.Contains(line, "xy") || strings.Contains(line, "yx") {
				t.Errorf("%.200s", line)
			}
		}
	}
	last := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	if have := archivetest.ArchivedMail(t, r, last.Head); len(have) != 200 || strings.Contains(strings.Join(have, ""), "one") {
		t.Errorf("%d messages", len(have))
	}
}
