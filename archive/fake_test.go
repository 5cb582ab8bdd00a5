package archive_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
)

// account is an account in memory, as a Source: a server whose every word is known, and which can be told to misbehave.
type account struct {
	mu        sync.Mutex
	mailboxes map[string]*mailbox
	parallel  int

	condstore, qresync bool

	// counts of what was asked
	surveys, examines, bodies, flagReads, stretches int

	// faults; each may be nil
	onSurvey  func(n int)
	onExamine func(name string) error
	onBody    func(mailbox string, uid mail.UID) error // an error other than errLeaveOut ends the view

	surveyError func() error
	tokens      chan struct{}         // connections; nil: as many as are wanted
	hidden      map[mail.UID]bool     // counted, and never told of
	empty       map[mail.UID]bool     // answered with nothing
	idOf        func(*mailbox) string // MAILBOXID; nil: none
	deleted     map[string]bool       // listed all the same, without numbers
	untold      bool                  // no numbers in the survey, and no UIDNEXT anywhere

	named       func(id string) mail.IDs // the ids of messages; nil: none
	onStretches func() error             // an error that wraps ErrTemporary ends the view
}

var errLeaveOut = errors.New("leave this message out")

type mailbox struct {
	name       string
	attributes []string
	validity   uint32
	next       mail.UID
	modseq     uint64
	messages   []*message
	gone       map[mail.UID]uint64
}

type message struct {
	uid    mail.UID
	flags  mail.Flags
	date   string
	id     string // stays with a message that is moved or copied
	body   []byte
	modseq uint64
}

func newAccount() *account {
	return &account{mailboxes: make(map[string]*mailbox), parallel: 3, condstore: true, qresync: true}
}

// mailbox gives the mailbox of that name, made if it is not there.
func (a *account) mailbox(name string) *mailbox {
	m, ok := a.mailboxes[name]
	if !ok {
		m = &mailbox{name: name, validity: uint32(len(a.mailboxes) + 1), next: 1, modseq: 1, gone: make(map[mail.UID]uint64)}
		a.mailboxes[name] = m
	}
	return m
}

func (m *mailbox) add(body string, flags ...string) *message {
	m.modseq++
	msg := &message{uid: m.next, id: fmt.Sprintf("%s-%d-%d", m.name, m.validity, m.next), flags: mail.NewFlags(flags...), body: []byte(body), modseq: m.modseq,
		date: time.Unix(1e9+int64(m.next)*60, 0).UTC().Format("_2-Jan-2006 15:04:05 -0700")}
	m.next++
	m.messages = append(m.messages, msg)
	return msg
}

func (m *mailbox) setFlags(uid mail.UID, flags ...string) {
	m.modseq++
	for _, msg := range m.messages {
		if msg.uid == uid {
			msg.flags, msg.modseq = mail.NewFlags(flags...), m.modseq
		}
	}
}

func (m *mailbox) expunge(uid mail.UID) {
	m.modseq++
	m.gone[uid] = m.modseq
	m.messages = slices.DeleteFunc(m.messages, func(msg *message) bool { return msg.uid == uid })
}

// copyTo copies a message as servers do: flags, date and id are its own.
func (m *mailbox) copyTo(to *mailbox, uid mail.UID) {
	for _, msg := range m.messages {
		if msg.uid == uid {
			to.modseq++
			c := *msg
			c.uid, c.modseq = to.next, to.modseq
			to.next++
			to.messages = append(to.messages, &c)
			return
		}
	}
}

func (m *mailbox) moveTo(to *mailbox, uid mail.UID) {
	m.copyTo(to, uid)
	m.expunge(uid)
}

// reset gives the mailbox another UIDVALIDITY, and its messages other UIDs.
func (m *mailbox) reset() {
	m.validity += 100
	for i, msg := range m.messages {
		msg.uid = mail.UID(i + 1)
	}
	m.next = mail.UID(len(m.messages) + 1)
}

func (a *account) status(m *mailbox) mail.Status {
	s := mail.Status{UIDValidity: m.validity, UIDNext: uint32(m.next), Messages: uint32(len(m.messages))}
	if a.condstore {
		s.HighestModSeq = m.modseq
	}
	if a.untold {
		s.UIDNext = 0
	}
	if a.idOf != nil {
		s.MailboxID = a.idOf(m)
	}
	return s
}

func (a *account) Server(context.Context) (mail.Server, error) {
	return mail.Server{Capabilities: []string{"IMAP4REV1"}}, nil
}

func (a *account) Survey(context.Context) (*mail.Survey, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.surveys++
	if a.onSurvey != nil {
		a.onSurvey(a.surveys)
	}
	if a.surveyError != nil {
		if err := a.surveyError(); err != nil {
			return nil, err
		}
	}
	s := &mail.Survey{Time: time.Now()}
	for _, m := range a.mailboxes {
		listed := mail.Mailbox{Raw: m.name, Name: m.name, Delimiter: "/", Attributes: m.attributes}
		if status := a.status(m); !a.untold && !a.deleted[m.name] {
			listed.Status = &status
		}
		s.Mailboxes = append(s.Mailboxes, listed)
	}
	slices.SortFunc(s.Mailboxes, func(x, y mail.Mailbox) int { return cmp.Compare(x.Raw, y.Raw) })
	return s, nil
}

func (a *account) Examine(ctx context.Context, listed mail.Mailbox) (archive.View, error) {
	if a.tokens != nil {
		select {
		case a.tokens <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	v, err := a.examine(listed)
	if err != nil {
		if a.tokens != nil {
			<-a.tokens
		}
		return nil, err
	}
	return v, nil
}

func (a *account) examine(listed mail.Mailbox) (archive.View, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.examines++
	if a.onExamine != nil {
		if err := a.onExamine(listed.Raw); err != nil {
			return nil, err
		}
	}
	m, ok := a.mailboxes[listed.Raw]
	if !ok || a.deleted[listed.Raw] {
		return nil, fmt.Errorf("%w: %s", archive.ErrNoMailbox, listed.Raw)
	}
	return &view{account: a, mailbox: m, status: a.status(m)}, nil
}

func (a *account) Parallel() int { return a.parallel }
func (a *account) Close() error  { return nil }

type view struct {
	account *account
	mailbox *mailbox
	status  mail.Status
	broken  bool
}

func (v *view) Status() mail.Status      { return v.status }
func (v *view) PermanentFlags() []string { return nil }

func (v *view) Close() error {
	if v.account.tokens != nil {
		<-v.account.tokens
	}
	return nil
}

func (v *view) in(uids mail.UIDRange) []*message {
	v.account.mu.Lock()
	defer v.account.mu.Unlock()
	first, _ := slices.BinarySearchFunc(v.mailbox.messages, uids.First, func(m *message, uid mail.UID) int { return cmp.Compare(m.uid, uid) })
	var found []*message
	for _, m := range v.mailbox.messages[first:] {
		if !uids.Contains(m.uid) {
			break
		}
		if v.account.hidden[m.uid] {
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
			yield(mail.Message{}, fmt.Errorf("%w: connection lost", archive.ErrTemporary))
			return
		}
		for _, m := range v.in(uids) {
			told := mail.Message{UID: m.uid, Flags: m.flags, Internal: mail.ParseDate(m.date), Size: int64(len(m.body))}
			if v.account.named != nil {
				told.IDs = v.account.named(m.id)
			}
			if !yield(told, nil) {
				return
			}
		}
	}
}

func (v *view) Flags(_ context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	v.account.mu.Lock()
	v.account.flagReads++
	v.account.mu.Unlock()
	return func(yield func(mail.Message, error) bool) {
		for _, m := range v.in(uids) {
			if !yield(mail.Message{UID: m.uid, Flags: m.flags}, nil) {
				return
			}
		}
	}
}

func (v *view) Changes(_ context.Context, uids mail.UIDRange, since uint64, changed func(mail.Message) error) (gone mail.UIDSet, known bool, err error) {
	for _, m := range v.in(uids) {
		if m.modseq > since {
			if err := changed(mail.Message{UID: m.uid, Flags: m.flags}); err != nil {
				return gone, false, err
			}
		}
	}
	v.account.mu.Lock()
	defer v.account.mu.Unlock()
	for uid, modseq := range v.mailbox.gone {
		if modseq > since && uids.Contains(uid) {
			gone.Add(uid)
		}
	}
	return gone, v.account.qresync, nil
}

func (v *view) UIDs(_ context.Context, uids mail.UIDRange) (set mail.UIDSet, err error) {
	for _, m := range v.in(uids) {
		set.Add(m.uid)
	}
	return set, nil
}

func (v *view) Bodies(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	for _, wanted := range messages {
		if v.broken {
			return fmt.Errorf("%w: connection lost", archive.ErrTemporary)
		}
		for _, m := range v.in(mail.UIDRange{First: wanted.UID, Last: wanted.UID}) {
			if err := v.body(m, read); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *view) body(m *message, read func(mail.UID, io.Reader) error) error {
	v.account.mu.Lock()
	v.account.bodies++
	fault := v.account.onBody
	v.account.mu.Unlock()
	if fault != nil {
		err := fault(v.mailbox.name, m.uid)
		switch {
		case errors.Is(err, errLeaveOut):
			return nil
		case errors.Is(err, archive.ErrTemporary):
			v.broken = true
			cut := io.MultiReader(bytes.NewReader(m.body[:len(m.body)/2]), failing{err})
			return errors.Join(err, read(m.uid, cut))
		case err != nil:
			return err
		}
	}
	if v.account.empty[m.uid] {
		return read(m.uid, bytes.NewReader(nil))
	}
	return read(m.uid, bytes.NewReader(m.body))
}

func (v *view) Stretches(_ context.Context, wanted []archive.Stretch, read func(archive.Stretch, []byte) error) error {
	for _, s := range wanted {
		v.account.mu.Lock()
		v.account.stretches++
		fault := v.account.onStretches
		v.account.mu.Unlock()
		if fault != nil {
			if err := fault(); err != nil {
				v.broken = errors.Is(err, archive.ErrTemporary)
				return err
			}
		}
		for _, m := range v.in(mail.UIDRange{First: s.UID, Last: s.UID}) {
			size := int64(len(m.body))
			if err := read(s, m.body[min(s.Offset, size):min(s.Offset+s.Length, size)]); err != nil {
				return err
			}
		}
	}
	return nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
