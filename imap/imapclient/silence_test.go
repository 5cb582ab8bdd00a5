package imapclient

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/mail"
)

// The caller hears of a server that stops, long before the connection ends: in the middle of a
// message, behind commands that were sent together, and while the server does not read what it is
// sent. It hears nothing of one that works.
func TestSilent(t *testing.T) {
	const half = "* 1 FETCH (UID 4 BODY[] {9}\r\nhalf"
	bodies := func(ctx context.Context, m *Mailbox) error {
		return m.Bodies(ctx, []mail.Message{{UID: 4, Size: 9}}, func(_ mail.UID, body io.Reader) error {
			_, err := io.Copy(io.Discard, body)
			return err
		})
	}
	stopped := []string{"30s of 2m0s", "1m0s of 2m0s"}
	for name, test := range map[string]struct {
		rest []string
		do   func(ctx context.Context, m *Mailbox) error
		want []string
	}{
		"in a message": {[]string{"< UID FETCH 4 …", half}, bodies, stopped},
		"with commands behind": {[]string{"< NOOP", "< NOOP"}, func(ctx context.Context, m *Mailbox) error {
			cmds := []*imap.Command{imap.NewCommand("NOOP"), imap.NewCommand("NOOP")}
			if err := m.c.StartAll(cmds...); err != nil {
				return err
			}
			return m.c.Wait(cmds[1])
		}, stopped},
		"works": {[]string{"< NOOP", "TAG OK done"}, func(ctx context.Context, m *Mailbox) error {
			err := m.c.Do(ctx, imap.NewCommand("NOOP"))
			time.Sleep(time.Hour)
			return err
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := serveInBubble(t, selected("", test.rest...))
				var mu sync.Mutex
				var have []string
				opts.Silent = func(silence, limit time.Duration) {
					mu.Lock()
					defer mu.Unlock()
					have = append(have, silence.String()+" of "+limit.String())
				}
				m := examine(t, opts)
				err := test.do(t.Context(), m)
				if (err != nil) != (test.want != nil) {
					t.Error(err)
				}
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(have, test.want) {
					t.Errorf("have %q, want %q", have, test.want)
				}
			})
		})
	}
}

// A server that reads nothing is silent, too.
func TestSilentWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports atomic.Int64
		opts := &imap.Options{Host: "127.0.0.1", Security: imap.Plain, User: "anna", Password: "secret",
			Silent: func(_, _ time.Duration) { reports.Add(1) }}
		opts.Dial = func(context.Context, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go io.WriteString(theirs, "* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n")
			t.Cleanup(func() { theirs.Close() })
			return ours, nil
		}
		text := make([]byte, 1<<20)
		message := AppendMessage{Size: int64(len(text)), Write: func(w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(text))
			return err
		}}
		if result := connect(t, opts).Append(t.Context(), "x", []AppendMessage{message}); result[0].Err == nil {
			t.Error("no error")
		}
		if synctest.Wait(); reports.Load() != 2 {
			t.Errorf("%d reports, want 2", reports.Load())
		}
	})
}
