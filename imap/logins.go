package imap

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Logins counts the refused logins of a run, over its accounts. Accounts can share a secret, such
// as a master user's. A wrong secret is not tried with each of them, because servers lock out
// clients that fail often. The zero value is ready to use, and safe for concurrent use.
type Logins struct {
	mu    sync.Mutex
	tries map[loginKey]*loginTries
}

// loginKey is what accounts share: the server, the secret, and the master user ("anna*master").
type loginKey struct {
	server, master string
	secret         [sha256.Size]byte
}

type loginTries struct {
	accepted bool // once: the secret is right, and a refusal concerns the account
	refused  map[string]bool
}

// maxRefused is the number of users with whom a secret is tried that a server has not accepted for
// any.
const maxRefused = 3

func (o *Options) loginKey() loginKey {
	_, master, _ := strings.Cut(o.User, "*")
	return loginKey{server: o.Address(), master: master, secret: sha256.Sum256([]byte(o.Password))}
}

// ErrNotTried means that the same secret was refused with so many others that it was not tried with
// this account.
var ErrNotTried = errors.New("not tried")

// admit returns an error if another login with the same secret would fail too.
func (l *Logins) admit(o *Options) error {
	if l == nil || o.Token != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tries := l.tries[o.loginKey()]
	if tries == nil || tries.accepted || len(tries.refused) < maxRefused || tries.refused[o.User] {
		return nil
	}
	return fmt.Errorf("%w: %w as %s, because %s refused the same password for %d other users", ErrLogin, ErrNotTried, o,
		o.Host, len(tries.refused))
}

// record counts how a login ended.
func (l *Logins) record(o *Options, refused bool) {
	if l == nil || o.Token != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tries == nil {
		l.tries = map[loginKey]*loginTries{}
	}
	tries := l.tries[o.loginKey()]
	if tries == nil {
		tries = &loginTries{refused: map[string]bool{}}
		l.tries[o.loginKey()] = tries
	}
	if refused {
		tries.refused[o.User] = true
	} else {
		tries.accepted = true
	}
}

// Refused reports whether the server refused this user and password in this run.
func (l *Logins) Refused(o *Options) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	tries := l.tries[o.loginKey()]
	return tries != nil && tries.refused[o.User]
}
