package demo

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// session is one connection: the in-memory session of the user who logs in, with the account's misbehaviour over it.
type session struct {
	*imapmemserver.UserSession // nil until a user has logged in

	server  *Server
	account *Account
	mailbox string // selected
}

var (
	_ imapserver.SessionIMAP4rev2   = (*session)(nil)
	_ imapserver.SessionAppendLimit = (*session)(nil)
)

func (s *session) Login(user, password string) error {
	account := s.server.Account(user)
	if account == nil || account.user.Login(user, password) != nil {
		return imapserver.ErrAuthFailed
	}
	s.account, s.UserSession = account, imapmemserver.NewUserSession(account.user)
	return nil
}

func (s *session) Select(mailbox string, o *imap.SelectOptions) (*imap.SelectData, error) {
	s.mailbox = mailbox
	return s.UserSession.Select(mailbox, o)
}

// Fetch refuses a command that asks for the body of a poisoned message among others, as Yahoo does.
func (s *session) Fetch(w *imapserver.FetchWriter, messages imap.NumSet, o *imap.FetchOptions) error {
	if len(o.BodySection) > 0 && s.account.poisoned(s.mailbox, messages) {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Text: "UID FETCH Server error while reading a message"}
	}
	return s.UserSession.Fetch(w, messages, o)
}

// AppendLimit implements imapserver.SessionAppendLimit.
func (s *session) AppendLimit() uint32 {
	if s.server.options.AppendLimit > 0 {
		return s.server.options.AppendLimit
	}
	return 100 << 20
}
