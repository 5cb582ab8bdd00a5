// Package imaptest runs IMAP servers that follow a script, for tests.
package imaptest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// A Script is what a server expects and sends on one connection, in order:
//
//	"< LOGIN …"    expects a command; "…" matches any rest
//	"<{11}"        expects that many bytes of a literal
//	"!"            closes the connection
//	anything else  is sent as a line; TAG is the tag of the last command, TAG2 that of the second
type Script []string

// Serve runs a server that follows one script for each connection, and returns its address. The
// test fails if a script is not followed to its end.
func Serve(t *testing.T, scripts ...Script) (host string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	running.Go(func() {
		for i, s := range scripts {
			conn, err := l.Accept()
			if err != nil {
				t.Errorf("connection %d was never made", i+1)
				return
			}
			running.Go(func() {
				if err := s.follow(conn); err != nil {
					t.Errorf("connection %d: %v", i+1, err)
				}
			})
		}
	})
	return "127.0.0.1", l.Addr().(*net.TCPAddr).Port
}

// Dial is Serve without a network, for tests in a bubble. It returns a function that connects to
// one server after the other.
func Dial(t *testing.T, scripts ...Script) func(context.Context, string) (net.Conn, error) {
	t.Helper()
	var mu sync.Mutex
	var running sync.WaitGroup
	made := 0
	t.Cleanup(func() {
		running.Wait()
		if made < len(scripts) {
			t.Errorf("connection %d was never made", made+1)
		}
	})
	return func(context.Context, string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if made == len(scripts) {
			return nil, errors.New("connection refused")
		}
		s := scripts[made]
		ours, theirs := net.Pipe()
		made++
		n := made
		running.Go(func() {
			if err := s.follow(theirs); err != nil {
				t.Errorf("connection %d: %v", n, err)
			}
		})
		return ours, nil
	}
}

func (s Script) follow(conn net.Conn) error {
	defer conn.Close()
	r := bufio.NewReader(conn)
	var tags []string
	for _, step := range s {
		switch {
		case step == "!":
			return nil
		case strings.HasPrefix(step, "<{"):
			var n int64
			fmt.Sscanf(step, "<{%d}", &n)
			if _, err := io.CopyN(io.Discard, r, n); err != nil {
				return fmt.Errorf("want %s: %w", step, err)
			}
		case strings.HasPrefix(step, "<"):
			line, err := r.ReadString('\n')
			line = strings.TrimRight(line, "\r\n")
			tag, command, tagged := strings.Cut(line, " ")
			want := strings.TrimPrefix(step, "<")
			if rest, ok := strings.CutPrefix(want, " "); ok && tagged && tag != "" { // else it continues after a literal
				tags, want, line = append(tags, tag), rest, command
			}
			if prefix, open := strings.CutSuffix(want, "…"); line != want &&
				!(open && strings.HasPrefix(line, prefix)) {
				return fmt.Errorf("want %q, have %q (%v)", want, line, err)
			}
		default:
			for i := len(tags); i > 0; i-- {
				step = strings.ReplaceAll(step, fmt.Sprintf("TAG%d", i), tags[i-1])
			}
			if len(tags) > 0 {
				step = strings.ReplaceAll(step, "TAG", tags[len(tags)-1])
			}
			if _, err := io.WriteString(conn, step+"\r\n"); err != nil {
				return err
			}
		}
	}
	io.Copy(io.Discard, r) // until the client closes the connection
	return nil
}

// LoggedIn begins a script with a connection that needs no login.
func LoggedIn(caps string, rest ...string) Script {
	return append(Script{"* PREAUTH [CAPABILITY IMAP4rev1 " + caps + "] ready"}, rest...)
}
