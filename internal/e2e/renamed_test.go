package e2e_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// What moves to where the run has already read is not missed: a mailbox renamed into a parent that
// was read (the case of Crymap's documentation), a message moved into a mailbox that was read, and
// both the other way; at each of the moments at which it matters. Each move has its own mailboxes,
// which are read one after the other.
func TestMovedToWhereItWasReadBefore(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	moments := map[string]string{ // when the program says this, and before the server hears it
		"it is opened":               `EXAMINE`,
		"its messages are listed":    `INTERNALDATE`,
		"its messages are read":      `BODY.PEEK`,
		"the second survey is taken": `LIST "" "*" RETURN`,
	}
	for moment, words := range moments {
		t.Run("when "+moment, func(t *testing.T) {
			t.Parallel()
			movedMeanwhile(t, dovecot, strings.ReplaceAll(moment, " ", "-"), words)
		})
	}
}

// moves are the changes; each has a number.
var moves = [][]string{
	{`RENAME "z%d" "a%[1]d/z"`},                              // a mailbox into a parent
	{`RENAME "c%d" "a%[1]d/c"`, `RENAME "z%d" "a%[1]d/c/z"`}, // a parent with a child
	{`SELECT "z%d"`, `UID MOVE 2:3 "a%d"`},                   // a message into a mailbox
	{`SELECT "a%d"`, `UID MOVE 2:3 "z%d"`},                   // a message out of one
	{`RENAME "a%d" "b%[1]d"`, `RENAME "z%d" "a%[1]d"`},       // a mailbox for another
}

func movedMeanwhile(t *testing.T, dovecot *testbed.DovecotServer, user, words string) {
	f := place(t, dovecot, user)
	for n := range moves {
		mail := generate.New(uint64(n))
		f.put(fmt.Sprintf("a%d", n), mail.Messages(10)...)
		f.put(fmt.Sprintf("c%d", n), mail.Messages(3)...)
		f.put(fmt.Sprintf("c%d/d", n), mail.Messages(3)...)
		f.put(fmt.Sprintf("z%d", n), mail.Messages(5)...)
	}
	f.done()
	h := newHost(t)
	h.onDirectory()
	w := login(t, dovecot.Addr, user, imapPassword)
	defer w.conn.Close()
	p := &proxy{server: dovecot.Addr}
	var moved [5]atomic.Bool
	p.watch = func(int64, int64) {
		for n, commands := range moves {
			_, after, opened := bytes.Cut(p.heard(), fmt.Appendf(nil, `EXAMINE "z%d"`, n))
			if !opened || words != "EXAMINE" && !bytes.Contains(after, []byte(words)) || moved[n].Swap(true) {
				continue
			}
			for _, command := range commands {
				w.do(fmt.Sprintf(command, n), nil)
			}
		}
	}
	listen(t, "127.0.0.1", p)
	m := h.backUp(0, accountURL(user, p.addr), "--connections", "1")
	for n := range moved {
		if !moved[n].Load() {
			t.Errorf("%q was not done", moves[n])
		}
	}
	if !m.Consistent || m.Messages != 21*len(moves) {
		t.Errorf("the manifest is %+v", m)
	}
	back := "back-" + user
	h.restore(0, "latest", "maildir:"+dovecot.Home(back)+"/Maildir")
	giveToNobody(t, dovecot.Home(back))
	sameAccount(t, readAccount(t, dovecot.Addr, back, imapPassword), readAccount(t, dovecot.Addr, user, imapPassword))
}
