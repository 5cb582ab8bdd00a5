package page

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/health"
	"github.com/mailstrata/mailstrata/serve/internal/turns"
	"github.com/mailstrata/mailstrata/serve/page/gate"
	"github.com/mailstrata/mailstrata/serve/page/sorting"
	"github.com/mailstrata/mailstrata/serve/view"
)

// Archives are what the pages show. view.Archives are.
type Archives interface {
	States(ctx context.Context) ([]*health.Account, []error, error)
	Checks(ctx context.Context) []view.Check
	History(ctx context.Context, account string) (*view.History, error)
	Usage(ctx context.Context) ([]view.Usage, error)
}

// Options are the settings of a Server.
type Options struct {
	Archives Archives
	Password []byte                 // for logins without a link
	Host     func(host string) bool // whether a Host field names this server
	Secure   bool                   // the server has TLS
	Sanitize Sanitizer              // nil: that of package safehtml

	// Log gets a line for each login, and for what goes wrong. It may be nil.
	Log func(format string, args ...any)

	Used func() // called for each page of a session; may be nil

	Idle time.Duration // after which a session ends; 30 minutes
}

// Server serves pages.
type Server struct {
	o      Options
	gate   *gate.Gate
	routes map[string]route
	orders sorting.Cache
	small  turns.Turns // to read a message
	large  turns.Turns // to read a large one, or to search

	exports turns.Turns // to download many messages
}

// New returns a Server.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Sanitize == nil {
		o.Sanitize = sanitize
	}
	s := &Server{o: o, small: turns.New(4), large: turns.New(1), exports: turns.New(2)}
	s.routes = s.allRoutes()
	s.gate = gate.New(gate.Options{
		Host: o.Host, Secure: o.Secure, Password: o.Password, Idle: o.Idle, Log: o.Log,
		Access: func(path string) gate.Access { return s.routes[path].access },
		Show:   s.showNotice,
	})
	return s
}

// Link returns the path and the query of a link that logs in once.
func (s *Server) Link() string { return s.gate.Link() }

// Prefix returns the path of the first page.
func (s *Server) Prefix() string { return s.gate.Prefix() }

// Handler returns the handler of all requests.
func (s *Server) Handler() http.Handler { return s.gate.Wrap(http.HandlerFunc(s.serve)) }

// Limits of connections.
const (
	maxConnections = 100
	maxHeader      = 64 << 10
	writeTimeout   = 5 * time.Minute // until a browser takes what is sent
)

// Serve accepts connections until ctx ends. Then it ends all of them, and returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: quiet(),
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(limit(l, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serve answers a request that the gate let through.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.o.Log("internal error: %v\n%s", p, debug.Stack())
			s.showError(w, http.StatusInternalServerError, "The page cannot be shown: internal error of the server.")
		}
	}()
	route, ok := s.routes[r.URL.Path[1:]]
	if ok && route.access == gate.Private && s.o.Used != nil {
		s.o.Used()
	}
	if !ok {
		s.showError(w, http.StatusNotFound, "There is no such page.")
		return
	}
	err := route.serve(w, &request{Request: r, server: s, values: r.URL.Query()})
	if err == nil || r.Context().Err() != nil {
		return
	}
	s.o.Log("%s: %v", r.URL.Path, err)
	status := http.StatusInternalServerError
	if errors.Is(err, errNotFound) || errors.Is(err, view.ErrNoView) {
		status = http.StatusNotFound
	}
	text := sentence(err)
	if archive.IsDamage(err) {
		text += " The archive is damaged there. mailstrata check shows what else is."
	}
	s.showError(w, status, text)
}

// errNotFound is wrapped by errors of what does not exist.
var errNotFound = errors.New("not found")

// write writes a page that is whole.
func write(w http.ResponseWriter, status int, page *bytes.Buffer) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page.Bytes())
}
