package imap

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

// A server whose TLS is too old is refused, with what it supports in the error, and accepted if
// that is allowed.
func TestOldTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	for name, test := range map[string]struct {
		config *tls.Config
		speaks string
	}{
		"TLS 1.0":          {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, "TLS 1.0"},
		"TLS 1.1":          {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "TLS 1.1"},
		"RSA key exchange": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, "TLS_RSA_WITH_AES_128_CBC_SHA"},
		"3DES":             {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}}, "3DES"},
	} {
		t.Run(name, func(t *testing.T) {
			test.config.Certificates = web.TLS.Certificates
			l, err := tls.Listen("tcp", "127.0.0.1:0", test.config)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						io.WriteString(conn, "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
						io.Copy(io.Discard, conn)
						conn.Close()
					}()
				}
			}()
			opts := &Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, RootCAs: roots, User: "anna", Password: "secret"}
			began := time.Now()
			if _, err := dial(t, opts); !errors.Is(err, ErrOldTLS) || errors.Is(err, mail.ErrTemporary) || !strings.Contains(err.Error(), test.speaks) {
				t.Errorf("it ends with %v", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it takes %v", took)
			}
			opts.OldTLS = true
			c, err := dial(t, opts)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		})
	}
}

// A server that closes the connection during the handshake is not called old.
func TestHandshakeThatBreaksOff(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	_, err = dial(t, &Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "anna", Password: "secret"})
	if !errors.Is(err, mail.ErrTemporary) || errors.Is(err, ErrOldTLS) {
		t.Errorf("it ends with %v", err)
	}
}
