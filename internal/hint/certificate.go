package hint

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"
)

// Text returns the text of an error. What is wrong with a certificate is in plain words, with the
// words of crypto/x509 behind.
func Text(err error) string {
	text := err.Error()
	cause := err
	var failed *tls.CertificateVerificationError
	if errors.As(err, &failed) {
		text = strings.Replace(text, failed.Error(), failed.Err.Error(), 1)
		cause = failed.Err
	}
	plain, own := certificate(cause, time.Now())
	if plain == "" || !strings.Contains(text, own) {
		return err.Error()
	}
	return strings.Replace(text, own, plain+" ("+own+")", 1)
}

// certificate returns what is wrong with a certificate in plain words, and the words of x509; or
// "".
func certificate(err error, now time.Time) (plain, own string) {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return unknownAuthority(unknown.Cert), unknown.Error()
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		if invalid.Cert.NotBefore.After(now) {
			return "the certificate of the server is not valid before " + invalid.Cert.NotBefore.Format(time.DateOnly), invalid.Error()
		}
		return "the certificate of the server ended on " + invalid.Cert.NotAfter.Format(time.DateOnly), invalid.Error()
	case errors.As(err, &name) && name.Certificate != nil:
		return "the certificate of the server is for " + namesOf(name.Certificate) + ", not for " + name.Host, name.Error()
	}
	return "", ""
}

// unknownAuthority names the authority above the last certificate that the server presents. That
// certificate may be the authority's own, so it does not show whether the server signed its own.
func unknownAuthority(c *x509.Certificate) string {
	if c == nil {
		return "this host does not know the authority that signed the certificate of the server"
	}
	return "this host does not know the authority " + strconv.Quote(c.Issuer.String()) + " that signed the certificate of the server"
}

// namesOf returns the names in a certificate, of many the first.
func namesOf(c *x509.Certificate) string {
	const shown = 3
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, net.IP(ip).String())
	}
	switch n := len(names); {
	case n == 0:
		return "no host"
	case n > shown:
		return strings.Join(names[:shown], ", ") + " and " + strconv.Itoa(n-shown) + " more"
	}
	return strings.Join(names, ", ")
}
