package imapserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime/debug"
	"time"

	"github.com/mailstrata/mailstrata/serve/internal/command"
)

// handle serves a client until it leaves.
func (s *Server) handle(ctx context.Context, raw net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	raw.SetDeadline(time.Now().Add(s.o.Limits.Login))
	conn := raw
	if s.o.TLS != nil {
		secure := tls.Server(raw, s.o.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			return
		}
		conn = secure
	}
	timed := &timedConn{Conn: conn, write: s.o.Limits.Write}
	c := &session{
		server: s, raw: raw, conn: timed, deadline: time.Now().Add(s.o.Limits.Login),
		in:  command.Reader{Input: bufio.NewReaderSize(timed, 16<<10), Strict: true},
		out: writer{Writer: bufio.NewWriterSize(timed, 32<<10)},
	}
	c.in.Continue = func() error { return c.prompt("Go on") }
	var err error
	defer s.rescue(&err) // the session ends
	c.serve(ctx)
}

// errInternal is the error of a panic.
var errInternal = errors.New("internal error of the server")

// rescue, which is deferred, ends a panic of this goroutine: a message that breaks the server must
// not end the sessions of others. The panics of goroutines that read ahead become one of the
// goroutine that reads (package inorder).
func (s *Server) rescue(err *error) {
	if p := recover(); p != nil {
		s.o.Log("internal error: %v\n%s", p, debug.Stack())
		*err = errInternal
	}
}

// timedConn limits how long a write may take.
type timedConn struct {
	net.Conn
	write time.Duration
}

// Write implements io.Writer.
func (c *timedConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(c.write))
	return c.Conn.Write(b)
}

// serve reads and runs commands.
func (s *session) serve(ctx context.Context) {
	s.out.line("* OK [CAPABILITY " + capabilities + "] Mailstrata serves an archive, which nobody can change")
	for !s.left {
		if s.out.Flush() != nil {
			return
		}
		s.setReadDeadline()
		cmd, err := s.in.Next()
		if err != nil {
			s.endReading(err)
			return
		}
		s.run(ctx, cmd)
	}
	s.out.Flush()
}

// setReadDeadline sets until when the client must have sent its next line.
func (s *session) setReadDeadline() {
	deadline := time.Now().Add(s.server.o.Limits.Idle)
	if s.view == nil {
		deadline = s.deadline
	}
	s.conn.SetReadDeadline(deadline)
}

// endReading says why the connection ends, if the client can still read it.
func (s *session) endReading(err error) {
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, command.ErrTooLong):
		s.out.line("* BYE The command is too long")
	case isNetwork && network.Timeout():
		s.out.line("* BYE Nothing was sent for too long")
	}
	s.out.Flush()
}

// prompt asks the client to go on.
func (s *session) prompt(text string) error {
	s.out.line("+ " + text)
	return s.out.Flush()
}
