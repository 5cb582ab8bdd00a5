// Package archivetest has fakes and helpers for tests of the archive.
//
// An Account is a server in memory that changes and fails as a test wants (account.go). Backup and Copy archive it, and
// ArchivedState reads it back (repo.go, verbs.go). A MemReader holds a manifest without a repository, and can lose chunks of it
// (reader.go). A RandomAccount writes manifests to it (random.go).
package archivetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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
	OnBody    func(mailbox string, uid mail.UID) error // an error other than errLeaveOut ends the view

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

var ErrLeaveOut = errors.New("leave this message out")

type Mailbox struct {
	Name       string
	Subscribed bool
	attributes []string
	Validity   uint32
	Next       mail.UID
	Modseq     uint64
	Messages   []*Message
	gone       map[mail.UID]uint64
}

type Message struct {
	UID    mail.UID
	Flags  mail.Flags
	Date   string
	ID     string // stays with a message that is moved or copied
	Body   []byte
	Size   int64 // as RFC822.SIZE has it; 0: that of Body
	Modseq uint64
}

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
		m = &Mailbox{Name: name, Validity: uint32(len(a.Mailboxes) + 1), Next: 1, Modseq: 1, gone: make(map[mail.UID]uint64)}
		a.Mailboxes[name] = m
	}
	return m
}

func (m *Mailbox) Add(body string, flags ...string) *Message {
	m.Modseq++
	msg := &Message{UID: m.Next, ID: fmt.Sprintf("%s-%d-%d", m.Name, m.Validity, m.Next), Flags: mail.NewFlags(flags...), Body: []byte(body), Modseq: m.Modseq,
		Date: time.Unix(1e9+int64(m.Next)*60, 0).UTC().Format("_2-Jan-2006 15:04:05 -0700")}
	m.Next++
	m.Messages = append(m.Messages, msg)
	return msg
}

func (m *Mailbox) SetFlags(uid mail.UID, flags ...string) {
	m.Modseq++
	for _, msg := range m.Messages {
		if msg.UID == uid {
			msg.Flags, msg.Modseq = mail.NewFlags(flags...), m.Modseq
		}
	}
}

func (m *Mailbox) Expunge(uid mail.UID) {
	m.Modseq++
	m.gone[uid] = m.Modseq
	m.Messages = slices.DeleteFunc(m.Messages, func(msg *Message) bool { return msg.UID == uid })
}

// CopyTo copies a message as servers do, with its flags, date and id.
func (m *Mailbox) CopyTo(to *Mailbox, uid mail.UID) {
	for _, msg := range m.Messages {
		if msg.UID == uid {
			to.Modseq++
			c := *msg
			c.UID, c.Modseq = to.Next, to.Modseq
			to.Next++
			to.Messages = append(to.Messages, &c)
			return
		}
	}
}

func (m *Mailbox) MoveTo(to *Mailbox, uid mail.UID) {
	m.CopyTo(to, uid)
	m.Expunge(uid)
}

// Reset gives the mailbox another UIDVALIDITY, and its messages other UIDs.
func (m *Mailbox) Reset() {
	m.Validity += 100
	for i, msg := range m.Messages {
		msg.UID = mail.UID(i + 1)
	}
	m.Next = mail.UID(len(m.Messages) + 1)
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
		listed := mail.Mailbox{Raw: m.Name, Name: m.Name, Delimiter: "/", Attributes: m.attributes, Subscribed: m.Subscribed}
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

type view struct {
	account *Account
	mailbox *Mailbox
	status  mail.Status
	broken  bool
}

func (v *view) Status() mail.Status      { return v.status }
func (v *view) PermanentFlags() []string { return nil }

func (v *view) Expect(mail.UIDRange) {}

func (v *view) Close() error {
	if v.account.Tokens != nil {
		<-v.account.Tokens
	}
	return nil
}

func (v *view) in(uids mail.UIDRange) []*Message {
	v.account.Mu.Lock()
	defer v.account.Mu.Unlock()
	first, _ := slices.BinarySearchFunc(v.mailbox.Messages, uids.First, func(m *Message, uid mail.UID) int { return cmp.Compare(m.UID, uid) })
	var found []*Message
	for _, m := range v.mailbox.Messages[first:] {
		if !uids.Contains(m.UID) {
			break
		}
		if v.account.Hidden[m.UID] {
			continue
		}
		c := *m
		found = append(found, &c)
	}
	return found
}

func (v *view) Messages(_ context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		if v.broken {
			yield(mail.Message{}, fmt.Errorf("%w: connection lost", mail.ErrTemporary))
			return
		}
		for _, m := range v.in(uids) {
			message := mail.Message{UID: m.UID, Flags: m.Flags, Internal: mail.ParseDate(m.Date), Size: cmp.Or(m.Size, int64(len(m.Body)))}
			if v.account.IDsOf != nil {
				message.IDs = v.account.IDsOf(m.ID)
			}
			if !yield(message, nil) {
				return
			}
		}
	}
}

func (v *view) Flags(_ context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	v.account.Mu.Lock()
	v.account.FlagReads++
	v.account.Mu.Unlock()
	return func(yield func(mail.Message, error) bool) {
		for _, m := range v.in(uids) {
			if !yield(mail.Message{UID: m.UID, Flags: m.Flags}, nil) {
				return
			}
		}
	}
}

func (v *view) Facts(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	v.account.Mu.Lock()
	v.account.FlagReads++
	v.account.Mu.Unlock()
	return func(yield func(mail.Message, error) bool) {
		if v.account.OnFacts != nil {
			if err := v.account.OnFacts(v.mailbox.Name); err != nil {
				v.broken = true
				yield(mail.Message{}, err)
				return
			}
		}
		for m, err := range v.Messages(ctx, uids) {
			m.IDs = mail.IDs{}
			if !yield(m, err) {
				return
			}
		}
	}
}

func (v *view) Changes(_ context.Context, uids mail.UIDRange, since uint64, changed func(mail.Message) error) (gone mail.UIDSet, known bool, err error) {
	for _, m := range v.in(uids) {
		if m.Modseq > since {
			if err := changed(mail.Message{UID: m.UID, Flags: m.Flags}); err != nil {
				return gone, false, err
			}
		}
	}
	v.account.Mu.Lock()
	defer v.account.Mu.Unlock()
	for uid, modseq := range v.mailbox.gone {
		if modseq > since && uids.Contains(uid) {
			gone.Add(uid)
		}
	}
	return gone, v.account.Qresync, nil
}

func (v *view) UIDs(_ context.Context, uids mail.UIDRange) (set mail.UIDSet, err error) {
	for _, m := range v.in(uids) {
		set.Add(m.UID)
	}
	return set, nil
}

func (v *view) Bodies(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	if ctx.Err() != nil { // as with a server: nothing is asked of it any more
		return context.Cause(ctx)
	}
	for _, wanted := range messages {
		if v.broken {
			return fmt.Errorf("%w: connection lost", mail.ErrTemporary)
		}
		for _, m := range v.in(mail.UIDRange{First: wanted.UID, Last: wanted.UID}) {
			if err := v.body(m, read); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *view) body(m *Message, read func(mail.UID, io.Reader) error) error {
	v.account.Mu.Lock()
	v.account.Bodies++
	fault := v.account.OnBody
	v.account.Mu.Unlock()
	if fault != nil {
		err := fault(v.mailbox.Name, m.UID)
		switch {
		case errors.Is(err, ErrLeaveOut):
			return nil
		case errors.Is(err, mail.ErrTemporary):
			v.broken = true
			cut := io.MultiReader(bytes.NewReader(m.Body[:len(m.Body)/2]), failing{err})
			return errors.Join(err, read(m.UID, cut))
		case err != nil:
			return err
		}
	}
	if v.account.Empty[m.UID] {
		return read(m.UID, bytes.NewReader(nil))
	}
	return read(m.UID, bytes.NewReader(m.Body))
}

func (v *view) Ranges(_ context.Context, wanted []source.Range, read func(source.Range, []byte) error) error {
	for _, s := range wanted {
		v.account.Mu.Lock()
		v.account.Ranges++
		fault := v.account.OnRanges
		v.account.Mu.Unlock()
		if fault != nil {
			if err := fault(); err != nil {
				v.broken = errors.Is(err, mail.ErrTemporary)
				return err
			}
		}
		for _, m := range v.in(mail.UIDRange{First: s.UID, Last: s.UID}) {
			size := int64(len(m.Body))
			if err := read(s, m.Body[min(s.Offset, size):min(s.Offset+s.Length, size)]); err != nil {
				return err
			}
		}
	}
	return nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
