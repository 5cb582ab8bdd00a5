package imap

import (
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/imap/internal/imaptest"
)

type script = imaptest.Script

// serve runs a server that follows one script for each connection, and returns the options for it.
func serve(t *testing.T, scripts ...script) *Options {
	t.Helper()
	host, port := imaptest.Serve(t, scripts...)
	return &Options{Host: host, Port: port, Security: Plain, User: "anna", Password: "secret", Stall: 10 * time.Second}
}

// serveInBubble is serve for a test in a bubble, in which time passes only while everybody waits.
func serveInBubble(t *testing.T, scripts ...script) *Options {
	t.Helper()
	return &Options{Host: "127.0.0.1", Security: Plain, User: "anna", Password: "secret", Dial: imaptest.Dial(t, scripts...)}
}

func loggedIn(caps string, rest ...string) script { return imaptest.LoggedIn(caps, rest...) }

// dial connects to a server and waits until it has answered what follows the login.
func dial(t *testing.T, opts *Options) (*Conn, error) {
	t.Helper()
	c, err := NewDialer(*opts).Dial(t.Context(), true)
	if err != nil {
		return nil, err
	}
	return c, c.Introduced()
}

// connect dials a scripted server.
func connect(t *testing.T, opts *Options) *Conn {
	t.Helper()
	c, err := dial(t, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
