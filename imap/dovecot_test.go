package imap

import (
	"errors"
	"math"
	"net"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/mail"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// at returns the options for an account of a test server.
func at(t *testing.T, address, user, password string) Options {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	return Options{Host: host, Port: n, Security: Plain, User: user, Password: password, Journal: t.TempDir(), Version: "test"}
}

// A certificate is accepted only if a trusted one signed it, for this host and today.
func TestCertificates(t *testing.T) {
	dove, expired := testbed.Dovecot(t, testbed.DovecotOptions{}), testbed.Dovecot(t, testbed.DovecotOptions{Expired: true})
	dial := func(d *testbed.DovecotServer, address string, change func(*Options)) error {
		opts := at(t, address, "anna", "pw")
		opts.Security, opts.RootCAs = TLS, d.RootCAs
		if change != nil {
			change(&opts)
		}
		c, err := Dial(t.Context(), &opts)
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := dial(dove, dove.TLSAddr, nil); err != nil {
		t.Error(err)
	}
	if err := dial(dove, dove.Addr, func(o *Options) { o.Security = StartTLS }); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"untrusted":   dial(dove, dove.TLSAddr, func(o *Options) { o.RootCAs = nil }),
		"STARTTLS":    dial(dove, dove.Addr, func(o *Options) { o.Security, o.RootCAs = StartTLS, nil }),
		"out of date": dial(expired, expired.TLSAddr, nil),
		"not TLS":     dial(dove, dove.Addr, nil),
		"password":    dial(dove, dove.TLSAddr, func(o *Options) { o.Password = "wrong" }),
	} {
		t.Logf("%s: %v", name, err)
		if err == nil || errors.Is(err, mail.ErrTemporary) || (name == "password") != errors.Is(err, ErrLogin) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// If a server refuses another connection, the source goes on with those that it has.
func TestFewerConnections(t *testing.T) {
	dove := testbed.Dovecot(t, testbed.DovecotOptions{Config: "mail_max_userip_connections = 1"})
	dove.Deliver("anna", "INBOX", slices.Repeat([]testbed.Message{{Body: "Subject: x\r\n\r\n"}}, 7)...)
	s := NewSource(at(t, dove.Addr, "anna", "pw"))
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
