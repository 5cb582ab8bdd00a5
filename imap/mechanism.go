package imap

import (
	"errors"
	"slices"
	"strings"
)

// loginCommandAlone stands for the LOGIN command among the mechanisms of AUTHENTICATE.
const loginCommandAlone = ""

// mechanisms returns the ways to log in, the best first.
func (c *login) mechanisms() (ways []string) {
	if c.opts.Mechanism != "" {
		return []string{strings.ToUpper(c.opts.Mechanism)}
	}
	known := []string{"PLAIN", "LOGIN"}
	if c.opts.Token != nil {
		known = []string{"OAUTHBEARER", "XOAUTH2"}
	}
	for _, name := range known {
		if c.caps.has("AUTH=" + name) {
			ways = append(ways, name)
		}
	}
	switch {
	case c.opts.Token == nil && len(ways) == 0:
		ways = []string{loginCommandAlone} // it returns the error if the server forbids it
	case c.opts.Token == nil && !c.caps.has("LOGINDISABLED"):
		ways = slices.Insert(ways, 1, loginCommandAlone)
	case len(ways) == 0:
		ways = []string{"XOAUTH2"}
	}
	return ways
}

// refusalReason is whether a refused login concerns its mechanism.
type refusalReason uint8

const (
	secretRefused    refusalReason = iota // another attempt may lock the account
	unclear                               // try once more, by LOGIN, as mail programs do
	mechanismRefused                      // the server did not check the secret
)

// reasonOf decides whether a refusal concerns the mechanism or the secret. Only refusals that certainly concern the
// mechanism allow any number of further attempts.
func reasonOf(refused *Error) refusalReason {
	text := strings.ToLower(refused.Text)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch {
	case refused.temporary(), refused.login():
		return secretRefused
	case refused.Code == "CANNOT", has("mechanism"), refused.Status == "BAD" && !has("password", "credential"):
		return mechanismRefused
	case refused.Code != "":
		return secretRefused
	case has("password", "credential", "invalid", "incorrect", "denied", "lock", "too many", "account", "user", "login",
		"logon",
		"authentication fail", "authorization fail"):
		return secretRefused
	case has("unsupported", "not support", "not implement", "unimplemented", "not enabled", "disabled", "not available"):
		return mechanismRefused
	}
	return unclear
}

// tryMechanisms logs in by the first way that the server supports. Some servers offer AUTHENTICATE PLAIN and accept
// only LOGIN.
func (c *login) tryMechanisms(secret string) error {
	ways := c.mechanisms()
	first := min(c.opts.quirks.mechanisms(), len(ways)-1)
	unclearly := false
	var errs []error
	for i, way := range ways[first:] {
		err := c.authenticate(way, secret)
		if err == nil {
			c.opts.quirks.setMechanism(first + i)
			return nil
		}
		errs = append(errs, err)
		var refused *Error
		if c.dead != nil || !errors.As(err, &refused) {
			return err
		}
		d := reasonOf(refused)
		next := first + i + 1
		if d == secretRefused || unclearly || next == len(ways) || d == unclear && ways[next] != loginCommandAlone {
			break
		}
		unclearly = d == unclear
	}
	return &loginRefusals{errs}
}

// loginRefusals are the answers to one login by several mechanisms.
type loginRefusals struct{ errs []error }

func (e *loginRefusals) Error() string {
	texts := make([]string, len(e.errs))
	for i, err := range e.errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the last answer, which decides.
func (e *loginRefusals) Unwrap() error { return e.errs[len(e.errs)-1] }
