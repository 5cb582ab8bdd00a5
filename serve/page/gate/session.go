package gate

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"time"
)

// cookieName is the name of the cookie of a session.
const cookieName = "mailstrata"

// maxSessions is how many sessions there are at once. Beyond that, the one ends that was not used
// for longest.
const maxSessions = 16

// begin begins a session.
func (g *Gate) begin(w http.ResponseWriter) {
	secret := rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.sessions) >= maxSessions {
		var oldest [sha256.Size]byte
		var used time.Time
		for key, at := range g.sessions {
			if used.IsZero() || at.Before(used) {
				oldest, used = key, at
			}
		}
		delete(g.sessions, oldest)
	}
	g.sessions[sha256.Sum256([]byte(secret))] = time.Now()
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: secret, Path: g.prefix, HttpOnly: true, Secure: g.o.Secure, SameSite: http.SameSiteStrictMode,
	})
}

// hasSession reports whether a request has the cookie of a session, and keeps the session.
func (g *Gate) hasSession(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, has := time.Now(), false
	for _, cookie := range r.CookiesNamed(cookieName) { // other servers of this host may have set one of the name
		key := sha256.Sum256([]byte(cookie.Value))
		used, ok := g.sessions[key]
		switch {
		case !ok:
		case now.Sub(used) >= g.o.Idle:
			delete(g.sessions, key)
		default:
			g.sessions[key], has = now, true
		}
	}
	return has
}
