package gate

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
)

// openPath is the path of links, below the prefix.
const openPath = "open"

// maxForm is the size of the form with the password, in bytes.
const maxForm = 4096

// open begins a session for the token of a link, which is then used up.
func (g *Gate) open(w http.ResponseWriter, r *http.Request) {
	if !g.takeToken(r.URL.Query().Get("token")) {
		g.wrong(w, r, "The link was used already, or it is too old. Log in with the password that mailstrata serve printed, or that you set.")
		return
	}
	g.enter(w, "by a link")
}

// takeToken uses up a token, and reports whether it was valid.
func (g *Gate) takeToken(token string) bool {
	key := sha256.Sum256([]byte(token))
	g.mu.Lock()
	defer g.mu.Unlock()
	ends, ok := g.tokens[key]
	delete(g.tokens, key)
	return ok && time.Now().Before(ends)
}

// login begins a session for the password.
func (g *Gate) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	sum := sha256.Sum256([]byte(r.PostFormValue("password")))
	if len(g.o.Password) == 0 || subtle.ConstantTimeCompare(sum[:], g.password[:]) != 1 {
		g.wrong(w, r, "This is not the password.")
		return
	}
	g.enter(w, "with the password")
}

// enter begins a session. A browser that follows a link from elsewhere does not send a cookie of
// SameSite=Strict to where it is redirected. So it gets a page of this server that leads on.
func (g *Gate) enter(w http.ResponseWriter, how string) {
	g.begin(w)
	g.o.Log("login %s", how)
	g.show(w, http.StatusOK, Notice{Title: "Logged in", Text: "You are logged in.", Continue: true})
}

// wrong answers a login with a wrong password or token. They wait for one another, so that more
// connections allow no more guesses.
func (g *Gate) wrong(w http.ResponseWriter, r *http.Request, text string) {
	g.o.Log("refused: a wrong password or link")
	g.guessing.Lock()
	err := retry.Sleep(r.Context(), g.o.Delay)
	g.guessing.Unlock()
	if err == nil {
		g.show(w, http.StatusForbidden, Notice{Title: "Log in", Text: text, Login: true})
	}
}
