package mboxsource

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// An mbox that is emptied is an empty mailbox, and not one that is gone.
func TestEmptied(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/Inbox", first)
	put(t, path+"/Old", other)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	put(t, path+"/Inbox", "")
	put(t, path+"/Sent", "") // Thunderbird made it
	put(t, path+"/Sent.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->")
	put(t, path+"/Apple.mbox/mbox", "\n")
	put(t, path+"/README", "")
	for range 2 {
		b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
		if b.Manifest.Totals.Mailboxes != 4 || b.Manifest.Totals.Messages != 1 || len(b.Manifest.Failures)+len(b.Manifest.Warnings) > 0 {
			t.Errorf("%+v, %v, %v", b.Manifest.Totals, b.Manifest.Failures, b.Manifest.Warnings)
		}
		if alarm := fmt.Sprint(b.Manifest.Alarm); strings.Contains(alarm, "gone:") {
			t.Errorf("alarm: %s", alarm)
		}
	}
}

// A file that was archived as an mbox and does not look like one now stays as it is archived, and
// is a failure.
func TestNoLongerMbox(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/Inbox", first+other)
	put(t, path+"/Sent", other)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	want := archivetest.ArchivedMail(t, r, archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil)).Head)
	put(t, path+"/Inbox", "\x00\x00\x00"+first)
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	have := archivetest.ArchivedMail(t, r, b.Head)
	if strings.Join(have, "") != strings.Join(want, "") || len(b.Manifest.Alarm) > 0 {
		t.Errorf("difference: %s, %v", archivetest.FirstDifference(have, want), b.Manifest.Alarm)
	}
	failures := b.Manifest.Failures
	if len(failures) != 1 || failures[0].Mailbox != "INBOX" || !strings.Contains(failures[0].Reason, path+"/Inbox: it is archived as an mbox") {
		t.Errorf("failures: %v", failures)
	}
}

// A mark before the first line and empty lines are no mail. What looks like an mbox and is not read
// is named.
func TestBeginnings(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/bom.mbox", "\ufeff"+first+other)
	put(t, path+"/lines.mbox", "\r\n\n"+first+other)
	put(t, path+"/old.mbox.gz", "\x1f\x8b")
	put(t, path+"/text.mbox", "x")
	put(t, path+"/notes.txt", "x")
	put(t, path+"/sco", "\x01\x01\x01\x01\n"+first+"\x01\x01\x01\x01\n")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "mbox:"+path, New(path, nil))
	if have := archivetest.ArchivedMail(t, r, b.Head); len(have) != 4 || len(b.Manifest.Failures) > 0 {
		t.Errorf("%q, %v", have, b.Manifest.Failures)
	}
	notes := strings.Join(b.Manifest.Warnings, "\n")
	if len(b.Manifest.Warnings) != 3 || !strings.Contains(notes, path+"/old.mbox.gz is compressed") ||
		!strings.Contains(notes, path+"/text.mbox is no mbox") || !strings.Contains(notes, path+"/sco is an MMDF file") {
		t.Errorf("warnings: %s", notes)
	}
	alone := archivetest.TryBackupFiles(t.Context(), r, "mbox:"+path+"/old.mbox.gz", New(path+"/old.mbox.gz", nil))
	if alone.Err == nil || !strings.Contains(alone.Err.Error(), "it is compressed: decompress it first") {
		t.Errorf("alone: %v", alone.Err)
	}
}

// letters returns an mbox of n messages.
func letters(word string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sSubject: %s %d\n\n%s\n\n", fromA, word, i, strings.Repeat(word+" ", 20))
	}
	return b.String()
}

// An mbox that other programs write while it is read: no message is listed that never was, and what
// was there all the time is.
func TestWrittenMeanwhile(t *testing.T) {
	path := t.TempDir() + "/INBOX"
	r := archivetest.NewRepo(t, new(storetest.Memory))
	for name, test := range map[string]struct {
		times  int // how often the file changes while it is read
		change func(n int) string
		want   int // messages; 0: an error
	}{
		"rewritten":   {1, func(int) string { return letters("longer", 9) }, 9},
		"shortened":   {1, func(int) string { return letters("one", 3) }, 3},
		"grows":       {1000, func(n int) string { return letters("one", 10+n) }, 10},
		"never rests": {1000, func(n int) string { return letters(fmt.Sprint("w", n%7), 10) }, 0},
	} {
		put(t, path, letters("one", 10))
		store := New(path, nil)
		changes, calls := 0, 0
		store.hasher = func() *chunk.Hasher {
			if calls++; calls%5 == 0 && changes < test.times {
				changes++
				put(t, path, test.change(changes))
				if age := time.Now().Add(-time.Hour + time.Duration(changes)*time.Second); os.Chtimes(path, age, age) != nil {
					t.Error("no time")
				}
			}
			return r.MessageHasher()
		}
		folders, _, err := store.Folders(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := folders[0].List(t.Context())
		if (err != nil) != (test.want == 0) || err == nil && len(c.Messages) < test.want {
			t.Errorf("%s: %+v, %v", name, c, err)
			continue
		}
		for i := 0; err == nil && i < len(c.Messages); i++ {
			if text, err := text(t, folders[0], &c.Messages[i]); err == nil && !isLetter(text) {
				t.Errorf("%s: message %d is %q", name, i, text)
			}
		}
	}
}

// text returns the text of a message.
func text(t *testing.T, f disk.Folder, message *disk.Message) (string, error) {
	open, err := f.Open(t.Context(), message)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(open)
	return string(text), errors.Join(err, open.Close())
}

// isLetter reports whether a text is a message of letters.
func isLetter(text string) bool {
	word, number := "", 0
	_, err := fmt.Sscanf(text, "Subject: %s %d", &word, &number)
	return err == nil && text == strings.ReplaceAll(fmt.Sprintf("Subject: %s %d\n\n%s\n", word, number, strings.Repeat(word+" ", 20)), "\n", "\r\n")
}

// A message that is being appended is archived when it is whole. A writer that pauses for longer
// than quiet is taken for one that is done: on a busy machine that can be the test, which tries
// again then.
func TestAppendedMeanwhile(t *testing.T) {
	for !appendedMeanwhile(t) {
		t.Log("the writer paused for too long")
	}
}

// appendedMeanwhile reports whether the writer was in time.
func appendedMeanwhile(t *testing.T) (inTime bool) {
	path := t.TempDir() + "/INBOX"
	half := strings.TrimSuffix(letters("one", 10), "one \n\n")
	began := time.Now()
	if err := os.WriteFile(path, []byte(half), 0o600); err != nil {
		t.Fatal(err)
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	store := New(path, nil)
	store.hasher = r.MessageHasher
	appended := make(chan error)
	time.AfterFunc(quiet/4, func() {
		err := os.WriteFile(path, []byte(letters("one", 10)), 0o600)
		inTime = time.Since(began) < quiet
		appended <- err
	})
	folders, _, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := folders[0].List(t.Context())
	if err := errors.Join(err, <-appended); err != nil {
		t.Fatal(err)
	}
	for i := 0; inTime && i < len(c.Messages); i++ {
		if text, err := text(t, folders[0], &c.Messages[i]); err != nil || !isLetter(text) {
			t.Errorf("message %d is %q, %v", i, text, err)
		}
	}
	return inTime
}
