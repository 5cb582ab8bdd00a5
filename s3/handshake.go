package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// handshakeTimeout is how long a TLS handshake may take.
const handshakeTimeout = 15 * time.Second

// withTLS returns a dial whose connections have completed the TLS handshake. http.Transport would
// begin it with the first request on a connection: a spare one would save no more than the round
// trip of TCP, and a server that completes handshakes one after the other would serve nobody
// meanwhile.
func withTLS(dial dial, config *tls.Config) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		own := config.Clone()
		own.ServerName = host
		client := tls.Client(conn, own)
		ctx, cancel := context.WithTimeoutCause(ctx, handshakeTimeout, errSlowHandshake)
		defer cancel()
		if err := client.HandshakeContext(ctx); err != nil {
			conn.Close()
			if context.Cause(ctx) == errSlowHandshake {
				err = errSlowHandshake
			}
			return nil, err
		}
		return client, nil
	}
}

var errSlowHandshake = errors.New("the TLS handshake took too long")
