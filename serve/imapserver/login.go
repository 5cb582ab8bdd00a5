package imapserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// login is LOGIN (RFC 3501 section 6.2.3).
func (s *session) login(ctx context.Context, cmd *command.Command) error {
	user, password, err := cmd.Login()
	if err != nil {
		return err
	}
	return s.enter(ctx, cmd, user, password)
}

// authenticate is AUTHENTICATE PLAIN (RFC 3501 section 6.2.2, RFC 4616), with an initial response
// or without (RFC 4959).
func (s *session) authenticate(ctx context.Context, cmd *command.Command) error {
	mechanism, initial, err := cmd.Authenticate()
	if err != nil {
		return err
	}
	if mechanism != "PLAIN" {
		return &no{"[CANNOT] The only mechanism is PLAIN"}
	}
	var text string
	if initial != nil {
		text = *initial
	} else {
		tag := cmd.Tag
		if s.prompt("") != nil {
			return errGone
		}
		line, err := s.in.Next()
		if err != nil {
			s.endReading(err)
			return errGone
		}
		text, cmd.Tag = line.Line(), tag
	}
	if text == "*" {
		return &bad{"AUTHENTICATE was canceled"}
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	fields := bytes.Split(decoded, []byte{0})
	if err != nil || len(fields) != 3 {
		return &bad{"The response is not that of PLAIN"}
	}
	user, password := fields[1], fields[2]
	if as := fields[0]; len(as) > 0 && !bytes.Equal(as, user) {
		return &no{"[AUTHORIZATIONFAILED] Log in as the user whose mail you want"}
	}
	return s.enter(ctx, cmd, string(user), string(password))
}

// enter checks the password and opens the view.
func (s *session) enter(ctx context.Context, cmd *command.Command, user, password string) error {
	server := s.server
	if !server.admits(password) {
		return s.reject(ctx, cmd)
	}
	v, err := server.o.Views.Open(ctx, user, time.Now())
	if errors.Is(err, view.ErrNoView) {
		return &no{printable(err.Error())}
	}
	if err != nil {
		return err
	}
	if !server.loggedIn(s.raw) {
		return errGone
	}
	s.view, s.in.Strict = v, false
	server.o.Log("%s logs in as %s", s.conn.RemoteAddr(), printable(user))
	for _, damage := range v.Damage {
		s.out.line("* NO [ALERT] Some mailboxes cannot be read: " + printable(damage.Error()))
	}
	s.out.line(cmd.Tag + " OK [CAPABILITY " + capabilities + "] Reading is allowed, and nothing else")
	return errAnswered
}

// reject answers a wrong password. Clients wait for it one after the other, so that more
// connections do not allow more guesses.
func (s *session) reject(ctx context.Context, cmd *command.Command) error {
	server := s.server
	server.o.Log("%s gives a wrong password", s.conn.RemoteAddr())
	server.guessing.Lock()
	err := retry.Sleep(ctx, server.o.Limits.Delay)
	server.guessing.Unlock()
	if err != nil {
		return errGone
	}
	if s.wrong++; s.wrong >= server.o.Limits.Attempts {
		s.out.line(cmd.Tag + " NO [AUTHENTICATIONFAILED] The password is wrong")
		s.out.line("* BYE Too many wrong passwords")
		return errGone
	}
	return &no{"[AUTHENTICATIONFAILED] The password is wrong"}
}
