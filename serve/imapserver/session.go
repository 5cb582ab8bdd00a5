package imapserver

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// session is what a client has: its state is not authenticated without a view, authenticated with
// one, and selected with a mailbox (RFC 3501 section 3).
type session struct {
	server   *Server
	raw      net.Conn // conn, or what is below its TLS
	conn     *timedConn
	in       command.Reader
	out      writer
	deadline time.Time // until when the client must have logged in

	wrong    int // passwords
	view     *view.View
	selected *selected
	left     bool // the client said LOGOUT, or must go
}

// selected is the mailbox that a client selected.
type selected struct {
	mailbox *view.Mailbox
	list    *view.List
	flags   []string // of each flag set, as it is sent
}

// state is what a command needs.
type state int

const (
	always   state = iota
	loggedIn       // a view
	opened         // a mailbox
	loggedOut
)

// verb is a command.
type verb struct {
	needs state
	run   func(*session, context.Context, *command.Command) error
}

// verbs are the commands by name.
var verbs = map[string]verb{
	"CAPABILITY": {always, (*session).capability},
	"ID":         {always, (*session).id},
	"NOOP":       {always, (*session).noop},
	"LOGOUT":     {always, (*session).logout},

	"LOGIN":        {loggedOut, (*session).login},
	"AUTHENTICATE": {loggedOut, (*session).authenticate},

	"LIST":      {loggedIn, (*session).list},
	"LSUB":      {loggedIn, (*session).lsub},
	"NAMESPACE": {loggedIn, (*session).namespace},
	"STATUS":    {loggedIn, (*session).status},
	"SELECT":    {loggedIn, (*session).open},
	"EXAMINE":   {loggedIn, (*session).open},
	"IDLE":      {loggedIn, (*session).idle},
	"MYRIGHTS":  {loggedIn, (*session).myRights},

	"GETACL":      {loggedIn, (*session).refuseRights},
	"LISTRIGHTS":  {loggedIn, (*session).refuseRights},
	"SETACL":      {loggedIn, (*session).refuseRights},
	"DELETEACL":   {loggedIn, (*session).refuseRights},
	"APPEND":      {loggedIn, (*session).deny},
	"CREATE":      {loggedIn, (*session).deny},
	"DELETE":      {loggedIn, (*session).deny},
	"RENAME":      {loggedIn, (*session).deny},
	"SUBSCRIBE":   {loggedIn, (*session).deny},
	"UNSUBSCRIBE": {loggedIn, (*session).deny},

	"CHECK":    {opened, (*session).noop},
	"CLOSE":    {opened, (*session).close},
	"UNSELECT": {opened, (*session).close},
	"FETCH":    {opened, (*session).fetch},
	"SEARCH":   {opened, (*session).search},
	"EXPUNGE":  {opened, (*session).expunge},
	"STORE":    {opened, (*session).deny},
	"MOVE":     {opened, (*session).deny},
	"COPY":     {opened, (*session).deny},
}

// uidVerbs are the commands that have a form with UID.
var uidVerbs = []string{"FETCH", "SEARCH", "STORE", "MOVE", "COPY", "EXPUNGE"}

// Answers that end a command otherwise than by OK.
type (
	no  struct{ text string } // with a code, if it has one: "[NONEXISTENT] There is no such mailbox"
	bad struct{ text string }
)

func (e *no) Error() string  { return e.text }
func (e *bad) Error() string { return e.text }

var (
	// errGone means that the connection cannot go on.
	errGone = errors.New("the connection cannot go on")

	// errAnswered means that the command has its answer.
	errAnswered = errors.New("the command is answered")
)

// run runs a command and answers it.
func (s *session) run(ctx context.Context, cmd *command.Command) {
	name := cmd.Name
	if cmd.UID {
		name = "UID " + name
	}
	if s.view != nil && s.server.o.Used != nil && !slices.Contains(idling, cmd.Name) {
		s.server.o.Used()
	}
	err := s.perform(ctx, cmd)
	refused, isNo := errors.AsType[*no](err)
	wrong, isBad := errors.AsType[*bad](err)
	syntax, isSyntax := errors.AsType[*command.SyntaxError](err)
	switch {
	case err == nil:
		s.out.line(cmd.Tag + " OK " + name + " is done")
	case errors.Is(err, errAnswered):
	case errors.Is(err, errGone):
		s.left = true
	case isNo:
		s.out.line(cmd.Tag + " NO " + refused.text)
	case isBad:
		s.out.line(cmd.Tag + " BAD " + wrong.text)
	case isSyntax:
		s.out.line(cmd.Tag + " BAD " + printable(name) + ": " + printable(syntax.Text))
	default:
		s.server.o.Log("%s: %v", printable(name), err)
		s.out.line(cmd.Tag + " NO " + s.excuse(err))
	}
}

// idling are the commands that clients send while nobody uses them.
var idling = []string{"NOOP", "IDLE", "CHECK", "STATUS", "CAPABILITY", "LOGOUT"}

// perform runs a command in its state. Any page in a browser can send a request to this port, with
// commands in its body, such as a guess of the password. So the first line of a request is the last
// that is read.
func (s *session) perform(ctx context.Context, cmd *command.Command) error {
	v, known := verbs[cmd.Name]
	if cmd.UID {
		known = slices.Contains(uidVerbs, cmd.Name)
	}
	switch {
	case !known && s.view == nil && strings.Contains(cmd.Line(), " HTTP/"):
		s.out.line("* BYE This is no web server")
		return errGone
	case cmd.Tag == "*":
		return &bad{"A command begins with a tag"}
	case !known:
		return &bad{"The command is unknown"}
	case v.needs == loggedOut && s.view != nil:
		return &bad{"You are logged in"}
	case (v.needs == loggedIn || v.needs == opened) && s.view == nil:
		return &bad{"Log in first"}
	case v.needs == opened && s.selected == nil:
		return &bad{"Select a mailbox first"}
	case cmd.Cut && cmd.Name != "APPEND":
		return &bad{"A literal of this command is too large"}
	}
	return v.run(s, ctx, cmd)
}

// excuse returns the text for an error of reading the archive.
func (s *session) excuse(err error) string {
	return "[SERVERBUG] The archive cannot be read: " + printable(err.Error())
}

// noop does nothing: nothing ever changes.
func (s *session) noop(_ context.Context, cmd *command.Command) error { return cmd.End() }

// logout ends the session.
func (s *session) logout(_ context.Context, cmd *command.Command) error {
	if err := cmd.End(); err != nil {
		return err
	}
	s.left = true
	s.out.line("* BYE Until next time")
	return nil
}

// idle waits until the client has something to do. The server never has news.
func (s *session) idle(_ context.Context, cmd *command.Command) error {
	if err := cmd.End(); err != nil {
		return err
	}
	if s.prompt("Nothing will happen; send DONE") != nil {
		return errGone
	}
	s.setReadDeadline()
	tag := cmd.Tag
	done, err := s.in.Next()
	if err != nil {
		s.endReading(err)
		return errGone
	}
	if !done.IsWord("DONE") {
		return &bad{"IDLE ends with DONE"}
	}
	cmd.Tag = tag
	return nil
}
