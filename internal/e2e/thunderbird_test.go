package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// thunderbirdShows is what testdata/thunderbird.py prints.
type thunderbirdShows struct {
	Folders       []string
	INBOX, Bridge [][4]any // UID, subject, whether it is read, whether it is flagged
	Text          string   // of UID 1 of INBOX
	Found         []int    // UIDs of INBOX that a search on the server finds
	Left          []int    // messages in INBOX and in Projects/Bridge at the end
	Alerts        []string // windows over that of Thunderbird
}

// thunderbirdMail returns messages, and what Thunderbird shows of them. The first has the word that
// it searches.
func thunderbirdMail(n int) (list []testbed.Message, shown [][4]any) {
	for uid := 1; uid <= n; uid++ {
		m := testbed.Message{Body: fmt.Sprintf("From: Ana <ana@mail.example>\r\nDate: Tue, 03 Mar 2026 10:%02d:00 +0000\r\n"+
			"Message-ID: <%d@mail.example>\r\nSubject: =?utf-8?q?Br=C3=BCcke_%d?=\r\n\r\nPiers of stone, number %d.\r\n", uid, uid, uid, uid)}
		if uid == 1 {
			m.Body += "These are of granite.\r\n"
		}
		if uid%2 == 0 {
			m.Flags = append(m.Flags, `\Seen`)
		}
		if uid%3 == 0 {
			m.Flags = append(m.Flags, `\Flagged`)
		}
		list = append(list, m)
		shown = append(shown, [4]any{float64(uid), fmt.Sprint("Brücke ", uid), uid%2 == 0, uid%3 == 0})
	}
	return list, shown
}

// Thunderbird lists, reads and searches a night, and what is dragged from it into a live account is
// copied there.
func TestServedToThunderbird(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"thunderbird", "xvfb-run", "xauth"} {
		need.Program(t, program, "apt-get install thunderbird xvfb xauth")
	}
	python := need.Program(t, "python3", "python3")
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	inbox, shownInbox := thunderbirdMail(20)
	bridge, shownBridge := thunderbirdMail(5)
	dovecot.Deliver("anna", "INBOX", inbox...)
	dovecot.Deliver("anna", "Projects/Bridge", bridge...)
	dovecot.Doveadm("mailbox", "create", "-u", "anna", "Entwürfe")
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	hostname, livePort, _ := net.SplitHostPort(dovecot.Addr)
	_, archivePort, _ := net.SplitHostPort(h.serveWith(imapPassword))

	cmd := exec.Command(python, "testdata/thunderbird.py", t.TempDir(), "127.0.0.1", archivePort, "anna@"+hostname+"#latest",
		"127.0.0.1", livePort, "bert")
	cmd.Env = append(os.Environ(), "PASSWORD="+imapPassword)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	var shows thunderbirdShows
	if err := json.Unmarshal(out, &shows); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, folder := range []string{"INBOX", "Projects", "Projects/Bridge", "Entwürfe"} {
		if !slices.Contains(shows.Folders, folder) {
			t.Errorf("Thunderbird shows the folders %q", shows.Folders)
		}
	}
	if !slices.Equal(shows.INBOX, shownInbox) || !slices.Equal(shows.Bridge, shownBridge) {
		t.Errorf("Thunderbird shows\n%v\nwant\n%v", shows.INBOX, shownInbox)
	}
	if !strings.HasSuffix(shows.Text, "\nPiers of stone, number 1.\nThese are of granite.") {
		t.Errorf("Thunderbird shows the text %q", shows.Text)
	}
	if !slices.Equal(shows.Found, []int{1}) || !slices.Equal(shows.Left, []int{20, 5}) || len(shows.Alerts) > 0 {
		t.Errorf("Thunderbird finds %v, has %v left, and alerts %q", shows.Found, shows.Left, shows.Alerts)
	}
	have := readAccount(t, dovecot.Addr, "bert", imapPassword)
	sameCopies(t, have["INBOX"], want["INBOX"].letters[1:4])
	sameCopies(t, have["Projects/Bridge"], want["Projects/Bridge"].letters)
}

// sameCopies compares the flags and bytes of copies. Thunderbird makes them one by one, but in no
// certain order.
func sameCopies(t *testing.T, have *box, want []*letter) {
	t.Helper()
	if have == nil || len(have.letters) != len(want) {
		t.Fatalf("there are other copies than %d: %v", len(want), have)
	}
	texts := func(list []*letter) (texts []string) {
		for _, l := range list {
			texts = append(texts, l.flags+" "+string(l.contents))
		}
		slices.Sort(texts)
		return texts
	}
	if h, w := texts(have.letters), texts(want); !slices.Equal(h, w) {
		t.Errorf("the copies are\n%q\nwant\n%q", h, w)
	}
}
