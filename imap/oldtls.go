package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrOldTLS means that the server supports no version or cipher of TLS that is secure enough.
var ErrOldTLS = errors.New("the server's TLS is too old")

// tlsConfig accepts TLS 1.2 and 1.3 with forward secrecy, or older versions if OldTLS is set.
func (o *Options) tlsConfig() *tls.Config {
	config := &tls.Config{ServerName: o.Host, RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	if o.OldTLS {
		allowOldTLS(config)
	}
	return config
}

// allowOldTLS accepts all that crypto/tls supports.
func allowOldTLS(config *tls.Config) {
	config.MinVersion = tls.VersionTLS10
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
}

// explainOldTLS explains a handshake that failed because both sides have nothing secure enough in common. It returns
// nil if there is another reason. It connects once more and accepts anything, to find out what the server supports,
// and sends nothing else.
func (c *handshake) explainOldTLS(ctx context.Context, failure error) error {
	what, speaks := "", false
	if !c.opts.OldTLS && c.opts.Security == TLS {
		what, speaks = c.opts.probeOldTLS(ctx)
	}
	refused := slices.ContainsFunc([]string{"handshake failure", "protocol version", "insufficient security",
		"unconfigured cipher suite"},
		func(words string) bool { return strings.Contains(failure.Error(), words) })
	switch {
	case speaks:
		return fmt.Errorf("%w: %s speaks %s, but TLS 1.2 with forward secrecy is needed (%w)", ErrOldTLS, c.opts.Address(),
			what, failure)
	case refused && c.opts.Security == StartTLS && !c.opts.OldTLS:
		return fmt.Errorf("%w: %s accepts neither TLS 1.2 nor 1.3 with forward secrecy (%w)", ErrOldTLS, c.opts.Address(),
			failure)
	case refused:
		return fmt.Errorf("%s has no TLS version and cipher in common with this program, which lacks finite-field DHE "+
			"and SSL 3: ask its operator to allow TLS 1.2 with ECDHE (%w)", c.opts.Address(), failure)
	}
	return nil
}

// probeOldTLS returns what a server speaks that refuses every secure handshake.
func (o *Options) probeOldTLS(ctx context.Context) (what string, speaks bool) {
	ctx, cancel := context.WithTimeout(ctx, min(o.stall(), probeTimeout))
	defer cancel()
	conn, err := o.dial(ctx)
	if err != nil {
		return "", false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(probeTimeout))
	config := &tls.Config{ServerName: o.Host, InsecureSkipVerify: true}
	allowOldTLS(config)
	secured := tls.Client(conn, config)
	if secured.HandshakeContext(ctx) != nil {
		return "", false
	}
	state := secured.ConnectionState()
	secure := slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return s.ID == state.CipherSuite })
	if state.Version >= tls.VersionTLS12 && secure {
		return "", false
	}
	return tls.VersionName(state.Version) + " with " + tls.CipherSuiteName(state.CipherSuite), true
}
