package maildirsource

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Files with one name keep their UIDs when flags change, and are not read again, however long the
// name is.
func TestTwins(t *testing.T) {
	path := t.TempDir() + "/Maildir"
	for _, base := range []string{"1000.a", "1001." + strings.Repeat("b", 240)} {
		put(t, path+"/cur/"+base+":2,S", "Subject: "+base[:6]+" one\n\n")
		put(t, path+"/cur/"+base+":2,R", "Subject: "+base[:6]+" the other\n\n")
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	first := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	if n := first.Manifest.Totals.NewMessages; n != 4 {
		t.Fatalf("%d messages are archived", n)
	}
	if err := os.Rename(path+"/cur/1000.a:2,S", path+"/cur/1000.a:2,F"); err != nil {
		t.Fatal(err)
	}
	second := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	if n := second.Manifest.Totals.NewMessages; n != 0 {
		t.Errorf("%d messages are new", n)
	}
	for _, warning := range append(first.Manifest.Warnings, second.Manifest.Warnings...) {
		if strings.Contains(warning, "HIGHESTMODSEQ") {
			t.Errorf("a folder in use gives the warning %s", warning)
		}
	}
}

// A folder in use has no number that proves anything. That is no fault.
func TestFolderInUse(t *testing.T) {
	path := sample(t)
	settle(t, path)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	put(t, path+"/new/2000.g", "Subject: g\n\n")
	b := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	if have := fmt.Sprint(b.Manifest.Warnings); strings.Contains(have, "HIGHESTMODSEQ") {
		t.Errorf("warnings: %s", have)
	}
}

// UIDVALIDITY and UIDs of Dovecot are those of the first run alone: a mailbox that was missing for
// a run gets others, because the run before gave UIDs of its own under that number. No UID is lost
// near the largest, and no message is.
func TestServerNumbers(t *testing.T) {
	path := sample(t)
	list := "3 V1275660208 N4294967295\n4294967294 :1001.b\n4294967293 :1000.a\n"
	put(t, path+"/dovecot-uidlist", list)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	first := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	if have := archivetest.ArchivedMail(t, r, first.Head); len(have) != 6 {
		t.Errorf("%d messages are archived: %q", len(have), have)
	}
	uids := fmt.Sprint(archivetest.ArchivedUIDs(t, r, first.Head))
	if !strings.Contains(uids, "INBOX/1275660208/1") || strings.Contains(uids, "/42949") {
		t.Errorf("UIDs: %s", uids)
	}
	if err := os.Rename(path+"/cur", path+"/away"); err != nil {
		t.Fatal(err)
	}
	archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	if err := os.Rename(path+"/away", path+"/cur"); err != nil {
		t.Fatal(err)
	}
	put(t, path+"/new/0001.z", "Subject: z\n\n")
	again := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	uids = fmt.Sprint(archivetest.ArchivedUIDs(t, r, again.Head))
	if strings.Contains(uids, "INBOX/1275660208/") || !strings.Contains(uids, "INBOX/") {
		t.Errorf("UIDs: %s", uids)
	}
}
