package hint_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/hint"
)

// signed returns a certificate for these names, of an authority or, if it is nil, of its own.
func signed(
	t *testing.T, subject string, names []string, from, until time.Time, by *x509.Certificate,
	key *ecdsa.PrivateKey,
) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject}, DNSNames: names, NotBefore: from, NotAfter: until,
		IsCA: by == nil, BasicConstraintsValid: true,
	}
	if by == nil {
		by, key = c, own
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &own.PublicKey, key)
	if err == nil {
		c, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, own
}

// What is wrong with a certificate comes first, in plain words, then the words of x509, and the
// hint says what to do.
func TestCertificates(t *testing.T) {
	day := 24 * time.Hour
	now := time.Now()
	authority, key := signed(t, "Office CA", nil, now.Add(-day), now.Add(day), nil, nil)
	good, _ := signed(t, "mail", []string{"mail.example", "imap.example"}, now.Add(-day), now.Add(day), authority, key)
	old, _ := signed(t, "mail", []string{"mail.example"}, now.Add(-9*day), now.Add(-2*day), authority, key)
	early, _ := signed(t, "mail", []string{"mail.example"}, now.Add(2*day), now.Add(9*day), authority, key)
	known := x509.NewCertPool()
	known.AddCert(authority)
	for _, test := range []struct {
		certificate       *x509.Certificate
		host              string
		roots             *x509.CertPool
		text, words, hint string
	}{
		{good, "mail.example", x509.NewCertPool(), `this host does not know the authority "CN=Office CA" that signed the certificate of the server`, "unknown authority", "ca_file"},
		{authority, "", x509.NewCertPool(), `this host does not know the authority "CN=Office CA" that signed the certificate of the server`, "unknown authority", "ca_file"},
		{good, "wrong.example", known, "the certificate of the server is for mail.example, imap.example, not for wrong.example", "not wrong.example", "the name that is in the certificate"},
		{old, "mail.example", known, "the certificate of the server ended on " + old.NotAfter.Format(time.DateOnly), "expired", "renew"},
		{early, "mail.example", known, "the certificate of the server is not valid before " + early.NotBefore.Format(time.DateOnly), "not yet valid", "clock"},
	} {
		_, err := test.certificate.Verify(x509.VerifyOptions{DNSName: test.host, Roots: test.roots})
		if err == nil {
			t.Fatalf("%s is trusted", test.host)
		}
		for _, wrapped := range []error{
			fmt.Errorf("connect to %s: %w", test.host, err),
			fmt.Errorf("connect to %s: %w", test.host, &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{test.certificate}, Err: err}),
		} {
			text, advice := hint.Text(wrapped), hint.For(wrapped)
			before, after, _ := strings.Cut(text, "(x509: ")
			if !strings.HasPrefix(before, "connect to "+test.host+": "+test.text) || !strings.Contains(after, test.words) || !strings.Contains(advice, test.hint) {
				t.Errorf("%s\nhint: %s", text, advice)
			}
		}
	}
	other := fmt.Errorf("connect: %w", &net.DNSError{Err: "no such host", Name: "mail.example"})
	if got := hint.Text(other); got != other.Error() {
		t.Errorf("%q, want %q", got, other)
	}
}
