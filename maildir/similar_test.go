package maildir

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// A message to which a program added header fields counts as present: nothing is added, and --prune
// keeps it. A file counts for one message, and a message that readers see as another is another.
func TestFetchedMailIsRecognized(t *testing.T) {
	const date = "02-Mar-2026 10:00:00 +0000"
	mailOf := func(id string) string {
		return "Received: by a; 1\r\nFrom: Ann <ann@mail.example>\r\nSubject: " + id + "\r\nMessage-ID: <" + id + "@mail.example>\r\n" +
			"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n\r\nThe text of " + id + ".\r\n"
	}
	lf := func(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
	path := t.TempDir()
	for name, text := range map[string]string{
		"cur/1700000000.1_1.host,U=1:2,S": lf(strings.Replace(mailOf("mbsync"), "\r\n\r\n", "\r\nX-TUID: abcdefghijkl\r\n\r\n", 1)),
		"new/1700000000.M1P2Q3.host": lf("Return-Path: <ann@mail.example>\r\nDelivered-To: bob@mail.example\r\nReceived: from imap by getmail; 2\r\n" +
			mailOf("getmail")),
		"cur/1700000000.2.host:2,":  lf(mailOf("exact")),
		"cur/1700000000.3.host:2,":  lf(mailOf("other")) + "And more.\n",
		"cur/1700000000.5.host:2,":  "From x Mon Mar  2 10:00:00 2026\n" + lf(mailOf("mbox")),
		"cur/1700000000.4.host:2,S": "Subject: says too little\n\nx\n",
	} {
		if err := os.MkdirAll(filepath.Join(path, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := chunk.Key{1}
	var wanted []restore.Message
	for i, text := range []string{
		"X-TUID: another\r\n" + mailOf("exact"), // its only file is the exact copy of the next message
		mailOf("exact"), mailOf("mbsync"), mailOf("mbsync"), mailOf("getmail"), mailOf("other"), "Subject: says too little\r\n\r\nx\r\ny\r\n",
		mailOf("mbox"), // its only file was cut out of an mbox
	} {
		w := message(mail.UID(i+1), text, date)
		w.Hash = key.Sum([]byte(text))
		header, _, _ := strings.Cut(text, "\r\n\r\n")
		w.Header = func(context.Context) ([]byte, error) { return []byte(header + "\r\n\r\n"), nil }
		wanted = append(wanted, w)
	}
	target := New(path, Options{})
	target.Inform(restore.ArchiveInfo{Hasher: key.New})
	places, _, err := target.Prepare(t.Context(), []mail.Mailbox{box("INBOX")})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	opened, err := target.Open(t.Context(), places[0])
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	missing, err := opened.Missing(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	var left []restore.Message
	var uids []mail.UID
	for _, i := range missing {
		left = append(left, wanted[i])
	}
	missing, err = opened.(restore.SimilarFinder).MissingSimilar(t.Context(), left)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range missing {
		uids = append(uids, left[i].UID)
	}
	if want := []mail.UID{1, 4, 6, 7, 8}; !slices.Equal(uids, want) {
		t.Errorf("messages %v are missing, want %v", uids, want)
	}

	w, err := target.OpenMirror(t.Context(), places[0])
	if err != nil {
		t.Fatal(err)
	}
	lacks, err := w.Require(t.Context(), wanted)
	if surplus, _ := w.Surplus(); err != nil || lacks != 5 || surplus != 3 {
		t.Errorf("pruning misses %d messages and finds %d too many, %v; want 5 and 3", lacks, surplus, err)
	}
}
