package demo

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Options say how a server behaves. The zero value is an ordinary server without TLS.
type Options struct {
	TLS         *tls.Config // nil: no TLS, only on the loopback
	AppendLimit uint32      // maximum size of a message; 0: 100 MB
	ReadOnly    bool        // accounts take no messages and no mailboxes
}

// Server is a running mail server.
type Server struct {
	options  Options
	imap     *imapserver.Server
	listener net.Listener
	served   chan struct{}

	mu       sync.Mutex
	accounts map[string]*Account
}

// Start starts a server on a free port of the loopback interface.
func Start(o Options) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a mail server: %w", err)
	}
	if o.TLS != nil {
		listener = tls.NewListener(listener, o.TLS)
	}
	s := &Server{options: o, listener: listener, served: make(chan struct{}), accounts: make(map[string]*Account)}
	s.imap = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &session{server: s}, nil, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {},
			imap.CapESearch: {}, imap.CapListExtended: {}, imap.CapListStatus: {}, imap.CapMove: {},
		},
		InsecureAuth: true,
		Logger:       log.New(io.Discard, "", 0), // do not log clients that hang up
	})
	go func() {
		defer close(s.served)
		_ = s.imap.Serve(listener) // ends when Close closes the listener
	}()
	return s, nil
}

// Close ends all connections.
func (s *Server) Close() error {
	err := errors.Join(s.imap.Close(), s.listener.Close())
	<-s.served
	if errors.Is(err, net.ErrClosed) { // Close also closes the listener
		return nil
	}
	return err
}

// Address returns host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// URL returns the URL of a user's account.
func (s *Server) URL(user string) string {
	u := url.URL{Scheme: "imap", User: url.User(user), Host: s.Address()}
	if s.options.TLS != nil {
		u.Scheme = "imaps"
	}
	return u.String()
}

// AddAccount creates an account with an empty INBOX.
func (s *Server) AddAccount(user, password string) (*Account, error) {
	a := &Account{user: imapmemserver.NewUser(user, password), poison: make(map[string]map[imap.UID]bool)}
	if err := a.user.Create("INBOX", nil); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[user] = a
	return a, nil
}

// Account returns the account of a user, or nil.
func (s *Server) Account(user string) *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[user]
}
