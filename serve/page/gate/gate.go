package gate

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Access says who may ask for a path.
type Access int

const (
	Private Access = iota // somebody who has logged in
	Public                // pages of this server, also before the login
	Open                  // anybody's page can lead there. It must neither show nor change anything of the server
)

// Notice is what the gate shows in place of a page.
type Notice struct {
	Title, Text string
	Login       bool // with a form whose method is POST, whose action is LoginPath, and whose field is "password"
	Continue    bool // with a link to the first page, to which the browser goes by itself
}

// LoginPath is the path of the form, below the prefix.
const LoginPath = "login"

// Options are the settings of a Gate.
type Options struct {
	Host     func(host string) bool   // whether a Host field names this server
	Secure   bool                     // the server has TLS
	Password []byte                   // for logins without a link
	Access   func(path string) Access // of a path below the prefix

	// Show writes a Notice. The gate has written the fields of the header.
	Show func(w http.ResponseWriter, status int, n Notice)
	// Log gets a line for each login and each refused one. It may be nil.
	Log func(format string, args ...any)

	Idle  time.Duration // after which a session ends; 30 minutes
	Link  time.Duration // after which a link is no longer valid; 15 minutes
	Delay time.Duration // before the answer to a wrong password or token, for all clients one after the other; 1 second
}

// Gate is the gate of one server. Its methods may be called from several goroutines at once.
type Gate struct {
	o        Options
	prefix   string // with slashes around it
	password [sha256.Size]byte
	guessing sync.Mutex // held while a wrong password waits

	mu       sync.Mutex
	tokens   map[[sha256.Size]byte]time.Time // by their hash: when they end
	sessions map[[sha256.Size]byte]time.Time // by the hash of the cookie: when it was used
}

// New returns a Gate with a random prefix.
func New(o Options) *Gate {
	setDefault(&o.Idle, 30*time.Minute)
	setDefault(&o.Link, 15*time.Minute)
	setDefault(&o.Delay, time.Second)
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	return &Gate{
		o: o, prefix: "/" + strings.ToLower(rand.Text()) + "/", password: sha256.Sum256(o.Password),
		tokens: make(map[[sha256.Size]byte]time.Time), sessions: make(map[[sha256.Size]byte]time.Time),
	}
}

func setDefault(v *time.Duration, to time.Duration) {
	if *v == 0 {
		*v = to
	}
}

// Prefix returns the path of the first page. All other pages are below it.
func (g *Gate) Prefix() string { return g.prefix }

// Link returns the path of a new link, which logs in once.
func (g *Gate) Link() string {
	token := rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokens[sha256.Sum256([]byte(token))] = time.Now().Add(g.o.Link)
	return g.prefix + openPath + "?token=" + token
}

// Wrap returns a handler that lets some requests through to pages, whose paths are then below the
// prefix.
func (g *Gate) Wrap(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeader(w.Header(), g.o.Secure)
		if refused := g.check(r); refused != nil {
			g.o.Log("refused: %s", refused.Text)
			g.refuse(w, refused)
			return
		}
		path := strings.TrimPrefix(r.URL.Path, g.prefix)
		switch {
		case path == openPath:
			g.open(w, r)
		case path == LoginPath && r.Method == http.MethodPost:
			g.login(w, r)
		case g.access(path) == Private && !g.hasSession(r):
			g.show(w, http.StatusUnauthorized, Notice{
				Title: "Log in", Text: "You are not logged in, or nothing was opened for a while.",
				Login: true,
			})
		default:
			http.StripPrefix(strings.TrimSuffix(g.prefix, "/"), pages).ServeHTTP(w, r)
		}
	})
}

func (g *Gate) access(path string) Access {
	switch path {
	case openPath:
		return Open // its token is what counts
	case LoginPath:
		return Public
	}
	return g.o.Access(path)
}

func (g *Gate) show(w http.ResponseWriter, status int, n Notice) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	g.o.Show(w, status, n)
}

// refuse answers a request that does not come from a page of this server. It gets no page: it may
// not be a person who asked.
func (g *Gate) refuse(w http.ResponseWriter, r *refusal) {
	if r.Status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodGet)
	}
	http.Error(w, r.Text, r.Status)
}
