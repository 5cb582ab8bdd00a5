package imapserver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/serve/internal/turns"
	"github.com/mailstrata/mailstrata/serve/view"
)

// Views opens what a user name selects. view.Archives does.
type Views interface {
	Open(ctx context.Context, user string, now time.Time) (*view.View, error)
}

// Options are the settings of a Server.
type Options struct {
	Views    Views
	Password []byte      // of every user name
	TLS      *tls.Config // nil: connections are plain
	Version  string      // of the program, for ID

	// Log gets a line for each login, and for what goes wrong. It may be nil.
	Log func(format string, args ...any)
	// Used is called for each command of a client that has logged in, but for those that clients
	// send by themselves. It may be nil.
	Used func()

	Limits Limits
}

// Limits bound what clients can take. The zero value of a field is its default.
type Limits struct {
	Connections int           // at once; 100
	Login       time.Duration // until a client has logged in; 1 minute
	Idle        time.Duration // between two commands; 30 minutes (RFC 3501 section 5.4)
	Write       time.Duration // until a client takes what the server sends; 5 minutes
	Attempts    int           // wrong passwords until the connection ends; 3
	Delay       time.Duration // before the answer to a wrong password, for all clients one after the other; 1 second
}

func (l *Limits) setDefaults() {
	l.Connections = cmp.Or(l.Connections, 100)
	l.Login = cmp.Or(l.Login, time.Minute)
	l.Idle = cmp.Or(l.Idle, 30*time.Minute)
	l.Write = cmp.Or(l.Write, 5*time.Minute)
	l.Attempts = cmp.Or(l.Attempts, 3)
	l.Delay = cmp.Or(l.Delay, time.Second)
}

// Server serves views to IMAP clients.
type Server struct {
	o        Options
	password [sha256.Size]byte
	guessing sync.Mutex // held while a wrong password waits
	trees    treeCache
	large    turns.Turns // to parse or search a large text
	turns    turns.Turns // to read a batch of messages

	mu      sync.Mutex
	conns   map[net.Conn]bool // true once the client has logged in
	waiting []net.Conn        // of clients that have not, the oldest first
}

// New returns a Server.
func New(o Options) *Server {
	o.Limits.setDefaults()
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	return &Server{
		o: o, password: sha256.Sum256(o.Password), conns: make(map[net.Conn]bool), large: turns.New(1), turns: turns.New(batchesAtOnce),
	}
}

// Serve accepts connections until ctx ends. Then it ends all of them, and returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var clients sync.WaitGroup
	defer clients.Wait()
	defer s.closeAll()
	var pause time.Duration
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			if pause = min(max(2*pause, 10*time.Millisecond), time.Second); retry.Sleep(ctx, pause) != nil { // too many open files
				return nil
			}
			continue
		}
		pause = 0
		if !s.admit(conn) {
			clients.Go(func() { refuse(conn) })
			continue
		}
		clients.Go(func() {
			defer s.remove(conn)
			s.handle(ctx, conn)
		})
	}
}

// admit counts a connection, and reports whether there is room for it. If there is none, the oldest
// connection that has not logged in makes room: others than the owner can connect, too, and must
// not keep the owner out.
func (s *Server) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= s.o.Limits.Connections {
		if len(s.waiting) == 0 {
			return false
		}
		oldest := s.waiting[0]
		oldest.Close()
		s.forget(oldest)
	}
	s.conns[conn] = false
	s.waiting = append(s.waiting, conn)
	return true
}

// loggedIn notes that a client has logged in. It reports whether the connection had not to make
// room for another one.
func (s *Server) loggedIn(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, has := s.conns[conn]; !has {
		return false
	}
	s.forget(conn)
	s.conns[conn] = true
	return true
}

// forget removes a connection from the lists. mu is held.
func (s *Server) forget(conn net.Conn) {
	delete(s.conns, conn)
	s.waiting = slices.DeleteFunc(s.waiting, func(c net.Conn) bool { return c == conn })
}

// refuse ends a connection that is one too many.
func refuse(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(time.Second))
	conn.Write([]byte("* BYE Too many connections; close some or try again later\r\n"))
	conn.Close()
}

func (s *Server) remove(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(conn)
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

// admits reports whether a password is right, without showing by the time it takes how much of it
// is.
func (s *Server) admits(password string) bool {
	sum := sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(sum[:], s.password[:]) == 1
}
