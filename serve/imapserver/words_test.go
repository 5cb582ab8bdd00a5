package imapserver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail/document"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/imapserver"
	"github.com/mailstrata/mailstrata/serve/view"
)

// indexed makes an archive with an index of words.
func indexed(t *testing.T, store *storetest.Memory, a *archivetest.Account) (*repo.Repo, *view.Archive) {
	t.Helper()
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	archivetest.Backup(t, r, a)
	x, _, err := textindex.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	x.Documents = document.Reader{}
	if _, _, err := x.Bring(t.Context()); err != nil {
		t.Fatal(err)
	}
	served := view.NewArchive(r)
	served.UseIndex(view.Index{Documents: document.Reader{}, Log: t.Logf})
	return r, served
}

// textMailbox has messages to look for words in.
func textMailbox() *archivetest.Account {
	a := archivetest.NewAccount()
	for _, text := range []string{
		"Subject: plan\r\nFrom: Ana Silva <ana@mail.example>\r\n\r\nThe old bridges are closed.\r\n",
		"Subject: =?utf-8?q?Stra=C3=9Fe?=\r\nMessage-ID: <bridge-1@mail.example>\r\n\r\nA cambridge one.\r\n",
		"Content-Type: text/plain; charset=utf-8\r\nSubject: tokyo\r\n\r\n東京都タワー\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nlook\r\n--b\r\nContent-Type: application/rtf\r\n" +
			"Content-Disposition: attachment; filename=\"survey.rtf\"\r\n\r\n{\\rtf1 piers of granite}\r\n--b--\r\n",
	} {
		a.Mailbox("INBOX").Add(text)
	}
	return a
}

// BODY and TEXT find words and their beginnings by the index, and no mail is read.
func TestSearchByIndex(t *testing.T) {
	store := new(storetest.Memory)
	_, served := indexed(t, store, textMailbox())
	loseMail(t, store)
	c := login(t, serveArchive(t, served, imapserver.Limits{}), account)
	c.want("SELECT INBOX", "x OK")
	for keys, want := range map[string]string{
		"TEXT bridge": " 1", "BODY bridge": " 1", "BODY \"old brid\"": " 1", "BODY \"old brid \"": "", "BODY bridges.": " 1", "BODY ridges": "",
		"BODY cambridge": " 2", "BODY b": "", "BODY a": " 2", "BODY plan": "", "TEXT plan": " 1", "TEXT strasse": " 2", "TEXT ana@mail": " 1", "TEXT silv": " 1",
		"CHARSET UTF-8 BODY {6+}\r\n京都": " 3", "CHARSET UTF-8 BODY {3+}\r\n東": " 3", "CHARSET UTF-8 BODY {6+}\r\n都京": "",
		"BODY granite": " 4", "TEXT survey.rtf": " 4", "BODY \"look piers\"": "",
		"OR BODY granite BODY cambridge": " 2 4", "NOT TEXT bridge": " 2 3 4", "NOT (OR BODY granite BODY cambridge) 2:4": " 3",
	} {
		if lines := c.do("SEARCH " + keys); lines[0] != "* SEARCH"+want || len(lines) != 2 || !strings.HasPrefix(lines[1], "x OK") {
			t.Errorf("SEARCH %s: %q, want%s", keys, lines, want)
		}
	}
	c.want("SEARCH TEXT &", "x NO [SERVERBUG] ")            // no word
	c.want("SEARCH HEADER Subject lan", "x NO [SERVERBUG]") // a header is read
}

// A search brings the index up to date. Without an index, or with one that is damaged, messages are
// read.
func TestSearchWithoutIndex(t *testing.T) {
	store := new(storetest.Memory)
	a := textMailbox()
	r, served := indexed(t, store, a)
	address := serveArchive(t, served, imapserver.Limits{})
	store.Advance(24 * time.Hour)
	a.Mailbox("INBOX").Add("Subject: new\r\n\r\nbridge of today\r\n")
	a.Mailbox("INBOX").Expunge(1)
	archivetest.Backup(t, r, a)
	for user, want := range map[string]string{account: " 5", account + "#ever": " 1 5", account + "#gone": " 1", account + "#latest~1": " 1"} {
		c := login(t, address, user)
		c.want("SELECT INBOX", "x OK")
		if lines := c.do("UID SEARCH BODY bridge"); lines[0] != "* SEARCH"+want {
			t.Errorf("%s: %q, want %s", user, lines, want)
		}
	}
	c := login(t, address, account)
	c.want("SELECT INBOX", "x OK")
	if err := textindex.Drop(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	c.want("UID SEARCH BODY ridge", "* SEARCH 2 5", "x OK")
	if textindex.Exists(r) {
		t.Error("a search makes an index")
	}
}
