package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/imap/internal/netconn"
)

// A server that sends a byte now and then counts as silent, and so does one that sends only what
// answers nothing.
func TestTrickles(t *testing.T) {
	for name, drip := range map[string]string{"a byte at a time": "x", "keep-alives": "* OK Still here\r\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := &Options{Host: "127.0.0.1", Security: Plain, User: "anna", Password: "secret", Stall: time.Minute}
				opts.Dial = func(ctx context.Context, _ string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go trickle(theirs, drip)
					return ours, nil
				}
				t.Cleanup(func() { time.Sleep(time.Minute) }) // until the server has seen that the client left
				c := connect(t, opts)
				began := time.Now()
				err := c.Do(t.Context(), NewCommand("NOOP"))
				if !errors.Is(err, netconn.ErrStalled) || time.Since(began) > 20*opts.Stall {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
				if words := strings.TrimSpace(drip); len(words) > 1 && !strings.Contains(fmt.Sprint(err), words) {
					t.Errorf("the error lacks the server's words: %v", err)
				}
			})
		})
	}
}

func trickle(conn net.Conn, drip string) {
	fmt.Fprint(conn, "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
	go io.Copy(io.Discard, conn)
	for {
		if _, err := io.WriteString(conn, drip); err != nil {
			return
		}
		time.Sleep(15 * time.Second)
	}
}
