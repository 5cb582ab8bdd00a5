package mboxsource

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

const takeoutFrom = "From 1234@xxx Tue Aug 20 03:19:26 +0000 2019\n"

// words returns n different words.
func words(n int, between string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("w%d", i)
	}
	return strings.Join(list, between)
}

// A mail with more keywords or labels than a record holds is archived with some of them, and a
// warning says so.
func TestManyKeywords(t *testing.T) {
	for name, message := range map[string]string{
		"X-Keywords":     fromA + "X-Keywords: " + words(5000, " ") + "\n\nx\n\n",
		"long":           fromA + "X-Keywords: " + strings.Repeat("x", 70<<10) + "\n\nx\n\n",
		"own":            fromA + "Status: O\nX-Keywords: " + words(5000, " ") + "\n\nx\n\n",
		"many fields":    fromA + strings.Repeat("X-Keywords: a"+words(50, " b")+"\n", 100) + "\nx\n\n",
		"X-Mozilla-Keys": fromA + "X-Mozilla-Keys: " + words(5000, " ") + "\n\nx\n\n",
		"X-Gmail-Labels": takeoutFrom + "X-GM-THRID: 1\nX-Gmail-Labels: " + words(5000, ",") + "\n\nx\n\n",
		"long label":     takeoutFrom + "X-GM-THRID: 1\nX-Gmail-Labels: " + strings.Repeat("x", 70<<10) + "\n\nx\n\n",
	} {
		path := t.TempDir()
		put(t, path+"/INBOX", message+message+other)
		r := archivetest.NewRepo(t, new(storetest.Memory))
		b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
		if have := archivetest.ArchivedMail(t, r, b.Head); len(have) != 3 || len(b.Manifest.Failures) > 0 {
			t.Errorf("%s: %d messages, %v", name, len(have), b.Manifest.Failures)
		}
		if notes := b.Manifest.Warnings; strings.Count(fmt.Sprint(notes), "more than 100 keywords or labels") != 1 {
			t.Errorf("%s: warnings: %v", name, notes)
		}
	}
}

// Files and labels of one name: each file is a mailbox of its own, and nothing panics.
func TestSameNames(t *testing.T) {
	path := t.TempDir()
	labeled := takeoutFrom + "X-GM-THRID: 1\nX-Gmail-Labels: Inbox,Résumé,Zoo\n\nx\n\n"
	put(t, path+"/All.mbox", labeled)
	put(t, path+"/INBOX", first)
	put(t, path+"/Résumé", other)
	put(t, path+"/Résumé.mbox", other)
	put(t, path+"/R\xe9.mbox", other)
	put(t, path+"/Zoo.mbox", first)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	if have := archivetest.ArchivedMail(t, r, b.Head); len(have) != 6 || len(b.Manifest.Failures) > 0 {
		t.Errorf("%q, %v", have, b.Manifest.Failures)
	}
	store := New(path, nil)
	store.hasher = r.MessageHasher
	folders, _, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, f := range folders {
		box := f.Mailbox()
		if seen[box.Raw] || box.Label {
			t.Errorf("%q twice, or the label of a file", box.Raw)
		}
		seen[box.Raw] = true
	}
	label := &labelFolder{box: mail.Mailbox{Raw: "x"}}
	if _, err := label.List(t.Context()); err == nil || label.Version() != 0 {
		t.Error("a label can be read")
	}
}

// Labels are those of Takeout's files. In any other file who sent a mail may have written them.
func TestForgedLabels(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/INBOX", fromA+"X-GM-THRID: 1\nX-Gmail-Labels: Trash\nStatus: RO\nX-Status: D\nX-Keywords: \\Deleted\n\nx\n\n"+other)
	put(t, path+"/Old", takeoutFrom+"X-Gmail-Labels: Trash\n\nx\n\n")
	put(t, path+"/Sent", "From 1234@xxx Tue Aug 20 03:19:26 2019\nX-GM-THRID: 1\nX-Gmail-Labels: Trash\n\nx\n\n")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	var have []string
	for _, line := range archivetest.ArchivedMail(t, r, b.Head) {
		line, _, _ = strings.Cut(line, " 20-Aug")
		have = append(have, line)
	}
	slices.Sort(have)
	if want := []string{`INBOX [\Seen] []`, "INBOX [] []", "Old [] []", "Sent [] []"}; !slices.Equal(have, want) || b.Manifest.Totals.Mailboxes != 3 {
		t.Errorf("have %q, want %q, %+v", have, want, b.Manifest.Totals)
	}
}

// A file that changed is read, even if its time is the old one.
func TestSameTime(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/INBOX", first)
	put(t, path+"/Sent", first)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	old, err := os.Stat(path + "/INBOX")
	if err != nil {
		t.Fatal(err)
	}
	put(t, path+"/INBOX", first+other)
	put(t, path+"/new", strings.Replace(first, "Subject: a", "Subject: c", 1))
	if err := os.Rename(path+"/new", path+"/Sent"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/INBOX", "/Sent"} {
		if err := os.Chtimes(path+name, old.ModTime(), old.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	if b.Manifest.Totals.NewMessages != 2 {
		t.Errorf("%+v", b.Manifest.Totals)
	}
	info, err := os.Stat(path + "/INBOX")
	if err != nil {
		t.Fatal(err)
	}
	if away := old.ModTime().Sub(time.Unix(0, int64(disk.VersionOf(info)))).Abs(); away > 20*time.Millisecond {
		t.Errorf("the version is %v from the time", away)
	}
}

// A warning says how a file was read, if that may be wrong.
func TestNotes(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/INBOX", first+fromA+"Subject: c\n\nx\n"+other+"From anna 2019-08-20\nSubject: d\n\n")
	put(t, path+"/Sent", fromA+"Content-Length: "+fmt.Sprint(len(other))+"\n\n"+other+"\n"+fromA+"Content-Length: 2\n\nx\n\n")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	notes := fmt.Sprint(b.Manifest.Warnings)
	if len(b.Manifest.Warnings) != 3 || !strings.Contains(notes, "INBOX has 1 From lines") || !strings.Contains(notes, "INBOX has 1 lines that look like From lines") || !strings.Contains(notes, "Sent is read as mboxcl2") {
		t.Errorf("warnings: %s", notes)
	}
}

// Surveys and readers run at once.
func TestConcurrent(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/INBOX", first+other)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	store := New(path, nil)
	store.hasher = r.MessageHasher
	folders, _, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := folders[0].List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read := func(ctx context.Context) {
		for range 20 {
			folders[0].Version()
			if _, err := folders[0].Describe(ctx, &c.Messages[0]); err != nil {
				t.Error(err)
			}
		}
	}
	var group sync.WaitGroup
	group.Go(func() { read(t.Context()) })
	group.Go(func() {
		for range 20 {
			if _, _, err := store.Folders(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
}
