package imap

import (
	"errors"
	"net"
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
	attempt := func(d *testbed.DovecotServer, address string, change func(*Options)) error {
		opts := at(t, address, "anna", "pw")
		opts.Security, opts.RootCAs = TLS, d.RootCAs
		if change != nil {
			change(&opts)
		}
		c, err := dial(t, &opts)
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := attempt(dove, dove.TLSAddr, nil); err != nil {
		t.Error(err)
	}
	if err := attempt(dove, dove.Addr, func(o *Options) { o.Security = StartTLS }); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"untrusted":   attempt(dove, dove.TLSAddr, func(o *Options) { o.RootCAs = nil }),
		"STARTTLS":    attempt(dove, dove.Addr, func(o *Options) { o.Security, o.RootCAs = StartTLS, nil }),
		"out of date": attempt(expired, expired.TLSAddr, nil),
		"not TLS":     attempt(dove, dove.Addr, nil),
		"password":    attempt(dove, dove.TLSAddr, func(o *Options) { o.Password = "wrong" }),
	} {
		t.Logf("%s: %v", name, err)
		if err == nil || errors.Is(err, mail.ErrTemporary) || (name == "password") != errors.Is(err, ErrLogin) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
