package imaprestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/restore"
)

// There are never more connections than allowed. The pool goes on with those that the server
// accepts, even if mailboxes are opened all at once while idle connections have others open.
func TestConnectionsAllowed(t *testing.T) {
	for _, taken := range []int32{1, 2, 9} {
		t.Run(fmt.Sprint(taken), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { openAtOnce(t, taken) })
		})
	}
}

func openAtOnce(t *testing.T, taken int32) {
	const allowed = 3
	var open, most atomic.Int32
	opts := imap.Options{Host: "localhost", Security: imap.Plain, User: "anna", Password: "secret", Connections: allowed,
		Dial: func(context.Context, string) (net.Conn, error) {
			time.Sleep(20 * time.Millisecond) // as others take time to answer
			if open.Load() == taken {
				return nil, errors.New("enough")
			}
			if n := open.Add(1); n > most.Load() {
				most.Store(n)
			}
			ours, theirs := net.Pipe()
			go func() {
				defer open.Add(-1)
				agree(theirs)
			}()
			return ours, nil
		}}
	target := NewTarget(opts)
	t.Cleanup(func() { target.Close() })
	var group sync.WaitGroup
	try := func(name string) {
		f, err := target.Open(t.Context(), restore.Place{Name: name})
		if err != nil {
			t.Error(err)
			return
		}
		f.Close()
	}
	for i := range min(taken, allowed-1) {
		try(fmt.Sprint("before ", i))
	}
	for i := range 5 * allowed {
		group.Go(func() { try(fmt.Sprint(i)) })
	}
	group.Wait()
	if most.Load() > allowed {
		t.Errorf("%d connections at once, %d are allowed", most.Load(), allowed)
	}
}

// agree is a server that has every mailbox, empty.
func agree(conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
	for r := bufio.NewScanner(conn); r.Scan(); {
		tag, command, _ := strings.Cut(r.Text(), " ")
		if strings.HasPrefix(command, "SELECT") {
			io.WriteString(conn, "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n")
		}
		fmt.Fprintf(conn, "%s OK done\r\n", tag)
	}
}
