package demo

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// session is one connection: the in-memory session of a user, with the errors of Poison.
type session struct {
	*imapmemserver.UserSession // nil until a user has logged in

	server  *Server
	account *Account
	mailbox string // selected
}

var (
	_ imapserver.SessionIMAP4rev2   = (*session)(nil)
	_ imapserver.SessionAppendLimit = (*session)(nil)
	_ imapserver.SessionSASL        = (*session)(nil)
)

func (s *session) Login(user, password string) error {
	account := s.server.Account(user)
	if account == nil || account.user.Login(user, password) != nil {
		return imapserver.ErrAuthFailed
	}
	s.account, s.UserSession = account, imapmemserver.NewUserSession(account.user)
	return nil
}

// AuthenticateMechanisms implements imapserver.SessionSASL.
func (s *session) AuthenticateMechanisms() []string { return []string{sasl.Plain, sasl.OAuthBearer} }

// Authenticate accepts the password of an account as its token, too.
func (s *session) Authenticate(mechanism string) (sasl.Server, error) {
	if mechanism == sasl.OAuthBearer {
		return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
			if s.Login(o.Username, o.Token) != nil {
				return &sasl.OAuthBearerError{Status: "invalid_token", Schemes: "bearer"}
			}
			return nil
		}), nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return s.Login(user, password) }), nil
}

func (s *session) Select(mailbox string, o *imap.SelectOptions) (*imap.SelectData, error) {
	s.mailbox = mailbox
	data, err := s.UserSession.Select(mailbox, o)
	if err != nil {
		return nil, err
	}
	// The in-memory session reports only the flags in use; real servers report all possible ones.
	for _, flag := range systemFlags {
		if !slices.Contains(data.Flags, flag) {
			data.Flags = append(data.Flags, flag)
			data.PermanentFlags = append(data.PermanentFlags, flag)
		}
	}
	return data, nil
}

// systemFlags are the system flags of RFC 9051, in the spelling of this server.
var systemFlags = []imap.Flag{`\answered`, `\deleted`, `\draft`, `\flagged`, `\seen`}

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

var errReadOnly = &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeNoPerm, Text: "you may only read"}

func (s *session) Create(mailbox string, o *imap.CreateOptions) error {
	if s.server.options.ReadOnly {
		return errReadOnly
	}
	return s.UserSession.Create(mailbox, o)
}

func (s *session) Append(mailbox string, message imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	if s.server.options.ReadOnly {
		return nil, errReadOnly
	}
	return s.UserSession.Append(mailbox, message, o)
}
