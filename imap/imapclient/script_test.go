package imapclient

import (
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/imaptest"
)

type script = imaptest.Script

// serve runs a server that follows one script for each connection, and returns the options for it.
func serve(t *testing.T, scripts ...script) *imap.Options {
	t.Helper()
	host, port := imaptest.Serve(t, scripts...)
	return &imap.Options{Host: host, Port: port, Security: imap.Plain, User: "anna", Password: "secret", Stall: 10 * time.Second}
}

// serveInBubble is serve for a test in a bubble, in which time passes only while everybody waits.
func serveInBubble(t *testing.T, scripts ...script) *imap.Options {
	t.Helper()
	return &imap.Options{Host: "127.0.0.1", Security: imap.Plain, User: "anna", Password: "secret", Dial: imaptest.Dial(t, scripts...)}
}

func loggedIn(caps string, rest ...string) script { return imaptest.LoggedIn(caps, rest...) }

// selected begins a script with a mailbox open.
func selected(caps string, rest ...string) script {
	return append(loggedIn(caps, "< EXAMINE …", "* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 10] x", "TAG OK done"), rest...)
}

// connect dials a scripted server.
func connect(t *testing.T, opts *imap.Options) *Client {
	t.Helper()
	c, err := Dial(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// examine dials a scripted server and opens INBOX.
func examine(t *testing.T, opts *imap.Options) *Mailbox {
	t.Helper()
	m, err := connect(t, opts).Examine(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	return m
}
