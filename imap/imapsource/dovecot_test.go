package imapsource

import (
	"math"
	"net"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/mail"
)

// If a server refuses another connection, the source goes on with those that it has.
func TestFewerConnections(t *testing.T) {
	dove := testbed.Dovecot(t, testbed.DovecotOptions{Config: "mail_max_userip_connections = 1"})
	dove.Deliver("anna", "INBOX", slices.Repeat([]testbed.Message{{Body: "Subject: x\r\n\r\n"}}, 7)...)
	host, port, err := net.SplitHostPort(dove.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	s := NewSource(imap.Options{Host: host, Port: n, Security: imap.Plain, User: "anna", Password: "pw"})
	defer s.Close()
	inbox := mail.Mailbox{Raw: "INBOX"}
	first, err := s.Examine(t.Context(), inbox, nil)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error)
	go func() {
		v, err := s.Examine(t.Context(), inbox, nil)
		if err == nil {
			err = v.Close()
		}
		second <- err
	}()
	for s.Parallel() == 4 {
		runtime.Gosched()
	}
	if n, err := first.UIDs(t.Context(), mail.UIDRange{First: 1, Last: math.MaxUint32}); err != nil || n.Len() != 7 {
		t.Errorf("have %v, %v", n, err)
	}
	first.Close()
	if err := <-second; err != nil || s.Parallel() != 1 {
		t.Errorf("%d at once, %v", s.Parallel(), err)
	}
}
