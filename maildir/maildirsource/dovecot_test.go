package maildirsource

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/maildir"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// The same Maildir, read from its files and by IMAP from Dovecot, has the same messages, with the
// same hashes, flags, dates and UIDs, and nothing is stored twice, whatever the line ends. And a
// restore to a Maildir gives back the files.
func TestSameAsDovecot(t *testing.T) {
	dovecot := testbed.Dovecot(t, testbed.DovecotOptions{})
	path := dovecot.Home("anna") + "/Maildir"
	for i, m := range generate.New(3).Messages(60) {
		text := m.Body
		if i%4 > 0 {
			text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
		}
		if i%5 == 1 { // a filter that adds lines of its own, or half of a message from elsewhere
			text = slices.Concat([]byte("X-A: a\r\nX-B: b\n"), text, []byte("one\r\r\ntwo\n\r\n\nthree\rfour\n"))
		}
		put(t, fmt.Sprintf("%s%s/cur/1%05d.m:2,%s", path, []string{"", "/.Lists.a", "/.R&AOk-sum&AOk-"}[i%3], i, []string{"S", "", "FRS", "DT"}[i%4]), string(text))
	}
	if out, err := exec.Command("chown", "-R", "nobody:nogroup", dovecot.Home("anna")).CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	options, err := imap.ParseURL("imap://anna@" + dovecot.Addr)
	if err != nil {
		t.Fatal(err)
	}
	options.Password, options.Security, options.Insecure = dovecot.Password, imap.Plain, true
	account := backup.Account{Name: "dovecot", URL: "imap://anna@test", Source: imapsource.NewSource(options)}
	results, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{Program: "test"})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	files := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	have, want := archivetest.ArchivedMail(t, r, files.Head), archivetest.ArchivedMail(t, r, results[0].Head)
	if !slices.Equal(have, want) || len(have) != 60 {
		t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
	}
	if have, want := archivetest.ArchivedHashes(t, r, files.Head), archivetest.ArchivedHashes(t, r, results[0].Head); !slices.Equal(have, want) {
		t.Error("the hashes differ")
	}
	uids := archivetest.ArchivedUIDs(t, r, results[0].Head)
	for line, uid := range archivetest.ArchivedUIDs(t, r, files.Head) {
		if uids[line] != uid {
			t.Errorf("%.80s is %s and was %s", line, uid, uids[line])
		}
	}
	back := t.TempDir() + "/back"
	if report := archivetest.RestoreTo(t, r, files.Head, maildir.New(back, maildir.Options{})); !report.Whole() {
		t.Errorf("%+v", report.Problems)
	}
	if have, want := texts(t, back), texts(t, path); !slices.Equal(have, want) {
		t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
	}
	packs := 0
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "data/") {
			packs++
		}
	}
	if packs != 1 {
		t.Errorf("there are %d packs of mail", packs)
	}
}
