// Package probe finds out what a mail server speaks before anybody logs in to it: which encryption,
// with which certificate, and which logins it offers. It sends nothing but CAPABILITY and STARTTLS.
package probe

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/loopback"
)

// Server is a mail server that answered.
type Server struct {
	Host         string
	Port         int // 0: the usual one for its security
	Security     imap.Security
	Capabilities []string // in upper case

	Presented []*x509.Certificate // its own first; nil without TLS
	Untrusted error               // why they cannot be trusted; nil: they can
}

// Has reports whether the server has a capability.
func (s *Server) Has(capability string) bool { return slices.Contains(s.Capabilities, capability) }

// TakesTokens reports whether a login with a token is offered.
func (s *Server) TakesTokens() bool { return s.Has("AUTH=OAUTHBEARER") || s.Has("AUTH=XOAUTH2") }

// TakesPasswords reports whether a login with a password is offered.
func (s *Server) TakesPasswords() bool {
	return !s.Has("LOGINDISABLED") || s.Has("AUTH=PLAIN") || s.Has("AUTH=LOGIN")
}

// patience is how long one connection may take.
const patience = 15 * time.Second

// Find connects to a host: to its port with TLS (993), or else with STARTTLS (143). If a port is
// given, it tries both ways there. Without encryption it accepts only a server on this host. roots
// are the certificates to trust; nil means those of the system. A certificate that cannot be
// trusted is no error: see Server.Untrusted.
func Find(ctx context.Context, host string, port int, roots *x509.CertPool) (*Server, error) {
	withTLS := &Server{Host: host, Port: port, Security: imap.TLS}
	err := withTLS.ask(ctx, roots)
	if err == nil {
		return withTLS, nil
	}
	var record tls.RecordHeaderError
	if port != 0 && !errors.As(err, &record) && !errors.Is(err, io.EOF) && !isReset(err) {
		return nil, err
	}
	plain := &Server{Host: host, Port: port, Security: imap.StartTLS}
	if errPlain := plain.ask(ctx, roots); errPlain != nil {
		if port == 0 {
			return nil, err // of the port that is usual today
		}
		return nil, errPlain
	}
	return plain, nil
}

// isReset reports whether the server ended the connection.
func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "read" && !op.Timeout()
}

// ask makes one connection, and fills in what the server says.
func (s *Server) ask(ctx context.Context, roots *x509.CertPool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	usual := 143
	if s.Security == imap.TLS {
		usual = 993
	}
	address := net.JoinHostPort(s.Host, strconv.Itoa(cmp.Or(s.Port, usual)))
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if s.Security == imap.TLS {
		if conn, err = s.secure(ctx, conn, roots); err != nil {
			return err
		}
		return s.greet(conn, address)
	}
	if err := s.greet(conn, address); err != nil {
		return err
	}
	if loopback.Is(s.Host) {
		s.Security = imap.Plain // what imap:// means there
		return nil
	}
	if !s.Has("STARTTLS") {
		return fmt.Errorf("%s offers no encryption, so the password and the mail could be read on the way", address)
	}
	if said, err := exchange(conn, "a2 STARTTLS"); err != nil || !strings.HasPrefix(said[len(said)-1], "a2 OK") {
		return cmp.Or(err, fmt.Errorf("%s refuses STARTTLS", address))
	}
	if conn, err = s.secure(ctx, conn, roots); err != nil {
		return err
	}
	return s.capabilities(conn, "a3")
}

// secure begins TLS, and remembers the certificates, good or not. It checks them afterwards by the
// rules of crypto/tls.
func (s *Server) secure(ctx context.Context, conn net.Conn, roots *x509.CertPool) (net.Conn, error) {
	secured := tls.Client(conn, &tls.Config{ServerName: s.Host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err := secured.HandshakeContext(ctx); err != nil {
		return conn, err
	}
	s.Presented = secured.ConnectionState().PeerCertificates
	o := x509.VerifyOptions{DNSName: s.Host, Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.Presented[1:] {
		o.Intermediates.AddCert(c)
	}
	_, s.Untrusted = s.Presented[0].Verify(o)
	return secured, nil
}

// greet reads the greeting, and asks for the capabilities unless they are in it.
func (s *Server) greet(conn net.Conn, address string) error {
	line, err := readLine(bufio.NewReader(io.LimitReader(conn, maxAnswer)))
	switch {
	case err != nil && isTimeout(err):
		return fmt.Errorf("%s sends no greeting: it may be no mail server, or not at this port", address)
	case err != nil:
		return err
	case strings.HasPrefix(line, "* BYE"):
		return fmt.Errorf("%s ends the connection at once", address)
	case !strings.HasPrefix(line, "* OK") && !strings.HasPrefix(line, "* PREAUTH"):
		return fmt.Errorf("%s does not speak IMAP", address)
	}
	return s.capabilities(conn, "a1")
}

func (s *Server) capabilities(conn net.Conn, tag string) error {
	said, err := exchange(conn, tag+" CAPABILITY")
	if err != nil {
		return err
	}
	s.Capabilities = nil
	for _, line := range said {
		if rest, ok := strings.CutPrefix(strings.ToUpper(line), "* CAPABILITY "); ok {
			s.Capabilities = append(s.Capabilities, strings.Fields(rest)...)
		}
	}
	return nil
}

// Limits of what a server may say.
const (
	maxAnswer = 64 << 10
	maxLines  = 20
)

// exchange sends a command, and returns the lines up to its end.
func exchange(conn net.Conn, command string) (lines []string, err error) {
	if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
		return nil, err
	}
	tag, _, _ := strings.Cut(command, " ")
	r := bufio.NewReader(io.LimitReader(conn, maxAnswer))
	for range maxLines {
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
		if strings.HasPrefix(line, tag+" ") {
			return lines, nil
		}
	}
	return nil, errors.New("the server says too much")
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func isTimeout(err error) bool {
	slow, ok := errors.AsType[net.Error](err)
	return ok && slow.Timeout()
}

// Anchor returns the certificate to trust, if the user trusts the server: the last authority that
// it presents, or else its own certificate.
func (s *Server) Anchor() *x509.Certificate {
	for _, c := range slices.Backward(s.Presented) {
		if c.IsCA {
			return c
		}
	}
	return s.Presented[0]
}

// PEM returns a certificate in the form of a file.
func PEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// Fingerprint returns the SHA-256 of a certificate, as other programs show it: 3F:9A:….
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	var pairs []string
	for pair := range slices.Chunk([]byte(digits), 2) {
		pairs = append(pairs, string(pair))
	}
	return strings.Join(pairs, ":")
}
