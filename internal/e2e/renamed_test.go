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

// What is moved to where the reader has been before is not missed: a mailbox renamed into a parent already visited (the case
// of Crymap's documentation), a message moved into a mailbox already read, and both the other way; at each of the moments
// at which it matters.
func TestMovedToWhereItWasReadBefore(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	moments := map[string]string{ // when the program says this, and before the server hears it
		"it is opened":               `EXAMINE "z"`,
		"its messages are listed":    `INTERNALDATE`,
		"its messages are read":      `BODY.PEEK`,
		"the second survey is taken": `LIST "" "*" RETURN`,
	}
	moves := map[string][]string{
		"mailbox into a parent":  {`RENAME "z" "a/z"`},
		"parent with a child":    {`RENAME "c" "a/c"`, `RENAME "z" "a/c/z"`},
		"message into a mailbox": {`SELECT "z"`, `UID MOVE 2:3 "a"`},
		"message out of one":     {`SELECT "a"`, `UID MOVE 2:3 "z"`},
		"mailbox for another":    {`RENAME "a" "b"`, `RENAME "z" "a"`},
	}
	for moment, words := range moments {
		for move, commands := range moves {
			t.Run(move+", when "+moment, func(t *testing.T) {
				user := strings.NewReplacer(" ", "-", ",", "").Replace(move + moment)
				f := place(t, dovecot, user)
				f.put("a", generate.New(1).Messages(30)...)
				f.put("c", generate.New(2).Messages(3)...)
				f.put("c/d", generate.New(3).Messages(3)...)
				f.put("z", generate.New(4).Messages(5)...)
				f.done()
				movedMeanwhile(t, dovecot, user, words, commands)
			})
		}
	}
}

func movedMeanwhile(t *testing.T, dovecot *testbed.DovecotServer, user, words string, commands []string) {
	h := newHost(t)
	h.onDirectory()
	w := login(t, dovecot.Addr, user, imapPassword)
	defer w.conn.Close()
	p := &proxy{server: dovecot.Addr}
	var moved atomic.Bool
	p.watch = func(int64, int64) {
		_, after, opened := bytes.Cut(p.heard(), []byte(`EXAMINE "z"`))
		if !opened || !strings.HasPrefix(words, "EXAMINE") && !bytes.Contains(after, []byte(words)) || moved.Swap(true) {
			return
		}
		for _, command := range commands {
			w.do(command, nil)
		}
	}
	listen(t, "127.0.0.1", p)
	m := h.backUp(0, accountURL(user, p.addr), "--connections", "1")
	if !moved.Load() || !m.Consistent || m.Messages != 41 {
		t.Errorf("moved %t; the manifest is %+v", moved.Load(), m)
	}
	back := fmt.Sprintf("back-%s", user)
	h.restore(0, "latest", "maildir:"+dovecot.Home(back)+"/Maildir")
	giveToNobody(t, dovecot.Home(back))
	sameAccount(t, readAccount(t, dovecot.Addr, back, imapPassword), readAccount(t, dovecot.Addr, user, imapPassword))
}
