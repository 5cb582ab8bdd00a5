package exchange

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/mailstrata/mailstrata/bench/farline"
)

// Listen accepts the connections of l over a line, which the log must know to be as long, with TLS
// 1.3 if config is not nil. It records their handshakes.
func (l *Log) Listen(line *farline.Line, inner net.Listener, config *tls.Config) net.Listener {
	return &listener{line.Listen(inner), l, config, line.RoundTrip}
}

type listener struct {
	net.Listener
	log    *Log
	config *tls.Config
	trip   time.Duration
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	at := c.(*farline.Conn).Opened()
	l.log.passed(at, at.Add(l.trip))
	if l.config == nil {
		return c, nil
	}
	l.log.passed(at.Add(l.trip), at.Add(2*l.trip))
	return tls.Server(c, l.config), nil
}
