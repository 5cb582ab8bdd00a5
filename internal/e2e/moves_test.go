package e2e_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A mailbox whose messages were moved, one that was copied, and one that was renumbered cost a
// small part of their bytes, with every mailbox format of Dovecot, and the manifest has all
// messages.
func TestMovesAndCopies(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"maildir", "sdbox"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			movesAndCopies(t, startDovecot(t, testbed.DovecotOptions{Format: format}))
		})
	}
}

func movesAndCopies(t *testing.T, dovecot *testbed.DovecotServer) {
	dovecot.Deliver("anna", "INBOX", withAttachments(80, 200)...)
	dovecot.Deliver("anna", "Sent", withAttachments(81, 60)...)
	count := startProxy(t, dovecot.Addr, nil)
	h := newHost(t)
	h.onDirectory()
	first := h.backUp(0, accountURL("anna", count.addr))
	_, whole, _ := count.traffic("")

	anna := login(t, dovecot.Addr, "anna", imapPassword)
	defer anna.conn.Close()
	for _, step := range []struct {
		name     string
		commands []string
	}{
		{"moved", []string{"CREATE Archive", "SELECT INBOX", "UID MOVE 1:* Archive", "UNSELECT"}},
		{"copied", []string{"CREATE Copy", "SELECT Archive", "UID COPY 1:* Copy", "UNSELECT"}},
		{"moved to where mail is", []string{"SELECT Copy", "UID MOVE 1:* Sent", "UNSELECT", "DELETE Copy"}},
		{"moved into one that was made again", []string{"CREATE Other", "SELECT Archive", "UID MOVE 1:* Other", "UNSELECT",
			"DELETE Archive", "CREATE Archive", "SELECT Other", "UID MOVE 1:* Archive", "UNSELECT"}},
	} {
		for _, command := range step.commands {
			anna.do(command, nil)
		}
		count.reset()
		m := h.backUp(0, accountURL("anna", count.addr), "--shrink-limit", "off")
		_, received, _ := count.traffic("")
		t.Logf("%s: %d bytes of %d were received, %d messages downloaded, %d taken by id", step.name, received, whole, m.NewMessages, m.ByID)
		if received > whole/4 || m.ByID != 200 || m.NewMessages != 0 || !m.Consistent {
			t.Errorf("%s: %d bytes received, where the whole account took %d; %+v", step.name, received, whole, m)
		}
		if first.Messages > m.Messages {
			t.Errorf("%s: %d messages, there were %d", step.name, m.Messages, first.Messages)
		}
	}
	h.must(0, "check", "--read-data")
	back := filepath.Join(h.home, "back")
	h.restore(0, "latest", "maildir:"+back, "--eol", "keep")
	found := sums(t, back)
	for name, mailbox := range readAccount(t, dovecot.Addr, "anna", imapPassword) {
		for _, l := range mailbox.letters {
			if !found[l.sum] {
				t.Errorf("%s: %s is not what was restored", name, l)
			}
		}
	}
}

// withAttachments returns messages of 15 to 60 KB, half of them with an attachment.
func withAttachments(seed uint64, n int) (list []testbed.Message) {
	random := rand.NewChaCha8([32]byte{byte(seed)})
	for i := range n {
		body := fmt.Sprintf("From: a%d@mail.example\r\nMessage-ID: <%d.%d@mail.example>\r\nSubject: number %d\r\n\r\n", i, seed, i, i)
		content := make([]byte, 10_000+random.Uint64()%30_000)
		random.Read(content)
		text := base64.StdEncoding.EncodeToString(content)
		for len(text) > 76 {
			body += text[:76] + []string{"\r\n", " \r\n"}[i%2] // no attachment, to the split, with blanks
			text = text[76:]
		}
		list = append(list, testbed.Message{Body: body + strings.Repeat("x", i%9) + "\r\n"})
	}
	return list
}
