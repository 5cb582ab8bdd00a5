package archivetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/mail"
)

// Account is a server in memory, as a Source. Tests set its fields to make it fail.
type Account struct {
	Mu          sync.Mutex
	Mailboxes   map[string]*Mailbox
	Connections int

	ID                 []mail.Field // what the server calls itself
	Capabilities       []string
	Quota              []mail.Quota // of INBOX
	Condstore, Qresync bool

	// counts of what was asked
	Surveys, Examines, Bodies, FlagReads, Ranges int

	// faults; each may be nil
	OnSurvey  func(n int)
	OnExamine func(name string) error
	OnBody    func(mailbox string, uid mail.UID) error // an error other than ErrLeaveOut ends the view

	ServerError func() error
	SurveyError func() error
	Tokens      chan struct{}         // connections; nil: as many as are wanted
	Hidden      map[mail.UID]bool     // counted, but never listed
	Empty       map[mail.UID]bool     // answered with nothing
	MailboxIDOf func(*Mailbox) string // MAILBOXID; nil: none
	Deleted     map[string]bool       // still listed, without numbers
	NoStatus    bool                  // no numbers in the survey, and no UIDNEXT anywhere

	IDsOf    func(id string) mail.IDs // the ids of messages; nil: none
	OnRanges func() error             // an error that wraps ErrTemporary ends the view
	OnFacts  func(mailbox string) error

	Items []collection.Source // scripts, calendars and address books

	Properties    *Properties // nil: none
	PropertiesNow bool
}

// ErrLeaveOut is what OnBody returns for a message that the server leaves out of its answer.
var ErrLeaveOut = errors.New("leave this message out")

// NewAccount returns an account without mailboxes, with many extensions.
func NewAccount() *Account {
	return &Account{
		Mailboxes: make(map[string]*Mailbox), Connections: 3, Condstore: true, Qresync: true,
		Capabilities: strings.Fields("APPENDLIMIT BINARY COMPRESS=DEFLATE CONDSTORE ENABLE ESEARCH ID IDLE IMAP4REV1 LITERAL+ MOVE " +
			"NAMESPACE OBJECTID PARTIAL PREVIEW QRESYNC QUOTA SAVEDATE SORT SPECIAL-USE STATUS=SIZE THREAD=REFERENCES UIDPLUS"),
	}
}

// Mailbox returns the mailbox of that name, and creates it if it does not exist.
func (a *Account) Mailbox(name string) *Mailbox {
	m, ok := a.Mailboxes[name]
	if !ok {
		m = &Mailbox{
			Name: name, Validity: uint32(len(a.Mailboxes) + 1), Next: 1, Modseq: 1,
			gone: make(map[mail.UID]uint64),
		}
		a.Mailboxes[name] = m
	}
	return m
}

func (a *Account) status(m *Mailbox) mail.Status {
	s := mail.Status{UIDValidity: m.Validity, UIDNext: uint32(m.Next), Messages: uint32(len(m.Messages))}
	if a.Condstore {
		s.HighestModSeq = m.Modseq
	}
	if a.NoStatus {
		s.UIDNext = 0
	}
	if a.MailboxIDOf != nil {
		s.MailboxID = a.MailboxIDOf(m)
	}
	return s
}

func (a *Account) Server(context.Context) (mail.Server, error) {
	if a.ServerError != nil {
		if err := a.ServerError(); err != nil {
			return mail.Server{}, err
		}
	}
	return mail.Server{ID: a.ID, Capabilities: a.Capabilities, Quota: a.Quota}, nil
}

func (a *Account) Survey(context.Context) (*mail.Survey, error) {
	a.Mu.Lock()
	defer a.Mu.Unlock()
	a.Surveys++
	if a.OnSurvey != nil {
		a.OnSurvey(a.Surveys)
	}
	if a.SurveyError != nil {
		if err := a.SurveyError(); err != nil {
			return nil, err
		}
	}
	s := &mail.Survey{Time: time.Now()}
	for _, m := range a.Mailboxes {
		listed := mail.Mailbox{
			Raw: m.Name, Name: m.Name, Delimiter: "/", Attributes: m.attributes, Subscribed: m.Subscribed,
		}
		if status := a.status(m); !a.NoStatus && !a.Deleted[m.Name] {
			listed.Status = &status
		}
		s.Mailboxes = append(s.Mailboxes, listed)
	}
	slices.SortFunc(s.Mailboxes, func(x, y mail.Mailbox) int { return cmp.Compare(x.Raw, y.Raw) })
	return s, nil
}

func (a *Account) Examine(ctx context.Context, listed mail.Mailbox, first source.First) (source.View, error) {
	if a.Tokens != nil {
		select {
		case a.Tokens <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	var err error
	if first != nil {
		_, err = first()
	}
	var v source.View
	if err == nil {
		v, err = a.examine(listed)
	}
	if err != nil {
		if a.Tokens != nil {
			<-a.Tokens
		}
		return nil, err
	}
	return v, nil
}

func (a *Account) examine(listed mail.Mailbox) (source.View, error) {
	a.Mu.Lock()
	defer a.Mu.Unlock()
	a.Examines++
	if a.OnExamine != nil {
		if err := a.OnExamine(listed.Raw); err != nil {
			return nil, err
		}
	}
	m, ok := a.Mailboxes[listed.Raw]
	if !ok || a.Deleted[listed.Raw] {
		return nil, fmt.Errorf("%w: %s", mail.ErrNoMailbox, listed.Raw)
	}
	return &view{account: a, mailbox: m, status: a.status(m)}, nil
}

func (a *Account) Parallel() int { return a.Connections }
func (a *Account) Close() error  { return nil }
