package imap

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// login is one attempt to log in over a connection.
type login struct{ *Conn }

// run logs in by the best mechanism that both sides support. The secret is sent to the server only.
func (l *login) run(ctx context.Context) error {
	secret, err := l.secret(ctx)
	if err != nil {
		return err
	}
	defer l.trace.redactAnswers()()
	defer func() { l.secrets = nil }()
	l.redact(secret)
	l.capsKnown = false // the capabilities may change after login (RFC 9051 section 6.2)
	err = l.tryMechanisms(secret)
	defer func() {
		if err == nil || errors.Is(err, ErrLogin) {
			l.opts.Logins.record(l.opts, err != nil)
		}
	}()
	var refused *Error
	if errors.As(err, &refused) && l.dead == nil {
		err = l.explainLogin(refused, err)
	}
	return err
}

// redact removes a secret from errors, as it is and in the form of a quoted string. An empty secret
// is ignored.
func (c *Conn) redact(secret string) {
	if quoted := wire.Quote(secret); secret != "" {
		c.secrets = append(c.secrets, secret, quoted[1:len(quoted)-1])
	}
}

func (l *login) secret(ctx context.Context) (string, error) {
	if l.opts.Token == nil {
		return l.opts.Password, nil
	}
	token, err := l.opts.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("get an access token for %s: %w", l.opts, err)
	}
	return token, nil
}

func (l *login) authenticate(mechanism, secret string) error {
	var client sasl.Client
	switch mechanism {
	case "":
		return l.loginCommand(secret)
	case "PLAIN":
		client = sasl.NewPlainClient("", l.opts.User, secret)
	case "LOGIN":
		client = sasl.NewLoginClient(l.opts.User, secret)
	case "OAUTHBEARER":
		client = sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: l.opts.User, Token: secret,
			Host: l.opts.Host, Port: l.opts.Port})
	case "XOAUTH2":
		client = &xoauth2{user: l.opts.User, token: secret}
	default:
		return fmt.Errorf("the login mechanism %s is unknown; use PLAIN, LOGIN, OAUTHBEARER or XOAUTH2", mechanism)
	}
	return l.converse(client)
}

// loginCommand uses the LOGIN command. LOGINDISABLED forbids even an attempt, which would expose
// the secret (RFC 9051 section 6.2.3).
func (l *login) loginCommand(secret string) error {
	if l.caps.has("LOGINDISABLED") {
		return fmt.Errorf("%w: %s allows no login with a password on this connection", ErrLogin, l.opts.Host)
	}
	if strings.ContainsRune(secret, 0) || strings.ContainsRune(l.opts.User, 0) {
		return fmt.Errorf("%w: a user name or password for %s holds a NUL", ErrLogin, l.opts.Host)
	}
	cmd := NewCommand("LOGIN").Raw(" ").Text(l.opts.User).Raw(" ").Text(secret)
	cmd.hide = true
	if err := l.Start(cmd); err != nil {
		return err
	}
	return l.Wait(cmd)
}

// maxChallenges bounds the challenges of one AUTHENTICATE.
const maxChallenges = 10

// converse runs AUTHENTICATE (RFC 9051 section 6.2.2). With SASL-IR the first answer is part of the
// command.
func (l *login) converse(client sasl.Client) error {
	mechanism, initial, err := client.Start()
	if err != nil {
		return err
	}
	cmd := NewCommand("AUTHENTICATE").Raw(" " + mechanism)
	cmd.Name += " " + mechanism
	cmd.hide = true
	if initial != nil && l.caps.has("SASL-IR") {
		l.redact(base64.StdEncoding.EncodeToString(initial))
		cmd.Raw(" " + initialResponse(initial))
		initial = nil
	}
	if err := l.Start(cmd); err != nil {
		return err
	}
	for challenges := 0; ; challenges++ {
		if err := l.awaitContinuation(cmd); err != nil {
			return err
		}
		if cmd.Done {
			return cmd.Err
		}
		if challenges == maxChallenges {
			return l.fail(wire.Flood("more than %d challenges to %s", maxChallenges, cmd.Name))
		}
		answer := initial
		if initial = nil; answer == nil {
			answer, err = l.answer(client)
		}
		line := base64.StdEncoding.EncodeToString(answer)
		l.redact(line)
		if err != nil {
			line = "*" // cancel; the server's refusal follows
		}
		l.trace.sent([]byte("…"))
		io.WriteString(l.w, line+"\r\n")
	}
}

// initialResponse encodes the first answer. An empty one is written "=" (RFC 4959).
func initialResponse(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}

func (l *login) answer(client sasl.Client) ([]byte, error) {
	challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(l.challenge))
	if err != nil {
		return nil, err
	}
	return client.Next(challenge)
}

// explainLogin makes an error of a refused login. Without a response code, only a few refusals
// certainly concern the user; any other may be temporary.
func (l *login) explainLogin(refused *Error, all error) error {
	if errors.Is(refused, mail.ErrTemporary) {
		return fmt.Errorf("log in as %s: %w", l.opts, refused)
	}
	secret := "the password"
	if l.opts.Token != nil {
		secret = "the access token"
	}
	if slices.Contains([]string{"", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED"}, refused.Code) {
		said := refused.Text
		if tried, several := all.(*loginRefusals); several && len(tried.errs) > 1 {
			said = tried.Error()
		}
		return fmt.Errorf("%w: %s does not accept %s of %s (%s)",
			ErrLogin, l.opts.Host, secret, l.opts.User, strings.TrimSuffix(said, "."))
	}
	return fmt.Errorf("%w: log in as %s: %w", ErrLogin, l.opts, all)
}

// xoauth2 is the mechanism of Google and Microsoft that preceded OAUTHBEARER.
type xoauth2 struct{ user, token string }

func (x *xoauth2) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next answers the challenge that explains an error with an empty line, after which the server
// refuses.
func (x *xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }

// loginCommandAlone stands for the LOGIN command among the mechanisms of AUTHENTICATE.
const loginCommandAlone = ""

// mechanisms returns the ways to log in, the best first.
func (l *login) mechanisms() (ways []string) {
	if l.opts.Mechanism != "" {
		return []string{strings.ToUpper(l.opts.Mechanism)}
	}
	known := []string{"PLAIN", "LOGIN"}
	if l.opts.Token != nil {
		known = []string{"OAUTHBEARER", "XOAUTH2"}
	}
	for _, name := range known {
		if l.caps.has("AUTH=" + name) {
			ways = append(ways, name)
		}
	}
	switch {
	case l.opts.Token == nil && len(ways) == 0:
		ways = []string{loginCommandAlone} // it returns the error if the server forbids it
	case l.opts.Token == nil && !l.caps.has("LOGINDISABLED"):
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

// reasonOf decides whether a refusal concerns the mechanism or the secret. Only refusals that
// certainly concern the mechanism allow any number of further attempts.
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
	case has("unsupported",
		"not support", "not implement", "unimplemented", "not enabled", "disabled", "not available"):
		return mechanismRefused
	}
	return unclear
}

// tryMechanisms logs in by the first way that the server supports. Some servers offer AUTHENTICATE
// PLAIN and accept only LOGIN.
func (l *login) tryMechanisms(secret string) error {
	ways := l.mechanisms()
	first := min(int(l.quirks.mechanism.Load()), len(ways)-1)
	unclearly := false
	var errs []error
	for i, way := range ways[first:] {
		err := l.authenticate(way, secret)
		if err == nil {
			l.quirks.mechanism.Store(max(l.quirks.mechanism.Load(), int32(first+i)))
			return nil
		}
		errs = append(errs, err)
		var refused *Error
		if l.dead != nil || !errors.As(err, &refused) {
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
