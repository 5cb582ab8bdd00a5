package imapsource

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/mailstrata/mailstrata/imap"
)

// Server returns the result of Connect once, so that a wrong password is tried once.
func TestConnectAhead(t *testing.T) {
	const ready = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready"
	opts := serve(t,
		script{ready, "< AUTHENTICATE PLAIN …", "TAG NO [AUTHENTICATIONFAILED] no"},
		script{ready, "< AUTHENTICATE PLAIN …", "TAG OK [CAPABILITY IMAP4rev1] in"},
	)
	s := NewSource(*opts)
	defer s.Close()
	s.Connect(t.Context())
	if _, err := s.Server(t.Context()); !errors.Is(err, imap.ErrLogin) {
		t.Errorf("the first call gets %v", err)
	}
	if _, err := s.Server(t.Context()); err != nil {
		t.Errorf("the second gets %v", err)
	}
}

// The connection that Connect made is used.
func TestConnectAheadIsUsed(t *testing.T) {
	opts := serve(t, loggedIn("", `< LIST "" "*"`, `* LIST () "/" INBOX`, "TAG OK done", `< LSUB "" "*"`, "TAG OK done",
		"< STATUS …", "* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1)", "TAG OK done"))
	s := NewSource(*opts)
	defer s.Close()
	s.Connect(t.Context())
	if _, err := s.Server(t.Context()); err != nil {
		t.Fatal(err)
	}
	if survey, err := s.Survey(t.Context()); err != nil || len(survey.Mailboxes) != 1 {
		t.Errorf("a survey gives %v, %v", survey, err)
	}
}

// A canceled Server does not wait for Connect.
func TestCanceledConnectAhead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := NewSource(imap.Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: imap.Plain, User: "anna", Password: "secret"})
	defer s.Close()
	s.Connect(t.Context())
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Server(interrupted); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted, it gets %v", err)
	}
}
