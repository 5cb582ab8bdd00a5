package imapclient

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Dovecot's virtual plugin shows searches as mailboxes, whose messages are messages of other
// mailboxes. Candidates are mailboxes with the special use \All or \Flagged, and personal
// namespaces besides that of INBOX. X-MAILBOX names the mailbox that a message is in. If Dovecot
// does not answer that, a mailbox is virtual if the X-GUID of each message is also in another
// mailbox.

// VirtualFinder finds virtual mailboxes, and remembers the answers. The zero value is ready to use,
// and safe for concurrent use.
type VirtualFinder struct {
	mu    sync.Mutex
	known map[string]bool // by raw name
}

// Mark marks the virtual mailboxes of a survey as skipped.
func (f *VirtualFinder) Mark(ctx context.Context, c *Client, survey *mail.Survey) error {
	if !c.ServerIs("Dovecot") || c.IsGmail() {
		return nil
	}
	v := &virtualQuestion{c, survey}
	roots := map[string]bool{} // of namespaces with such mailboxes
	for i := range survey.Mailboxes {
		m := &survey.Mailboxes[i]
		root, may := v.mayBeVirtual(m)
		if !may || m.Status == nil || m.Status.Messages == 0 {
			continue
		}
		is, err := f.isVirtual(ctx, v, m)
		if err != nil {
			return err
		}
		if is {
			m.Skip, m.Status = mail.SkipVirtual, nil
			roots[root] = root != ""
		}
	}
	for i := range survey.Mailboxes { // such a namespace holds nothing else
		m := &survey.Mailboxes[i]
		if space, found := namespaceOf(m.Raw, c.spaces); found && roots[space.Prefix] && m.Skip == mail.NotSkipped {
			m.Skip, m.Status = mail.SkipVirtual, nil
		}
	}
	return nil
}

// virtualQuestion asks whether mailboxes of a survey are virtual.
type virtualQuestion struct {
	*Client
	survey *mail.Survey
}

// mayBeVirtual reports whether a mailbox is a candidate, and the prefix of its namespace if that
// may be virtual.
func (v *virtualQuestion) mayBeVirtual(m *mail.Mailbox) (root string, may bool) {
	if !m.Selectable() || m.IsInbox() || m.Skip != mail.NotSkipped {
		return "", false
	}
	space, found := namespaceOf(m.Raw, v.spaces)
	isOther := func(other mail.Namespace) bool { return other.Kind == mail.Personal && other.Prefix != space.Prefix }
	if found && space.Kind == mail.Personal && space.Prefix != "" && slices.ContainsFunc(v.spaces, isOther) &&
		!strings.HasPrefix(strings.ToUpper(space.Prefix), "INBOX") {
		return space.Prefix, true
	}
	return "", m.Has(`\All`) || m.Has(`\Flagged`)
}

// isVirtual reports whether the messages of a mailbox are those of other mailboxes. It remembers
// the answer.
func (f *VirtualFinder) isVirtual(ctx context.Context, v *virtualQuestion, m *mail.Mailbox) (bool, error) {
	f.mu.Lock()
	is, known := f.known[m.Raw]
	f.mu.Unlock()
	if known {
		return is, nil
	}
	is, answered, err := v.liesElsewhere(ctx, m)
	if err == nil && !answered {
		is, err = v.knownElsewhere(ctx, m)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]bool{}
	}
	f.known[m.Raw] = is && err == nil // if the question cost the connection, the mailbox is read like any other
	return f.known[m.Raw], v.ifDead(err)
}

// liesElsewhere asks which mailbox the first and the last message of a mailbox are in. answered
// reports whether the server answered that.
func (v *virtualQuestion) liesElsewhere(ctx context.Context, m *mail.Mailbox) (is, answered bool, err error) {
	if _, err := v.Examine(ctx, m.Raw); err != nil {
		return false, false, err
	}
	own := v.names().key(m.Raw)
	is = true
	cmd := imap.NewCommand("FETCH").Raw(" 1,* (UID X-MAILBOX)")
	cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		if resp.Name != "FETCH" || len(resp.Args) == 0 {
			return false, nil
		}
		if where, found := wire.Attribute(resp.Args[0].List, "X-MAILBOX"); found && where.IsText() {
			answered = true
			is = is && v.names().key(string(where.Text)) != own
		}
		return true, nil
	}
	err = v.Do(ctx, cmd)
	if errors.Is(err, mail.ErrRefused) {
		return false, false, nil
	}
	return is && answered, answered, err
}

// knownElsewhere reports whether every message of a mailbox has an X-GUID, and each is also that of
// a message of another mailbox that cannot be virtual itself.
func (v *virtualQuestion) knownElsewhere(ctx context.Context, m *mail.Mailbox) (bool, error) {
	const most = 1 << 20 // bounds the memory
	if m.Status.Messages > most {
		return false, nil
	}
	seed, left, nameless := maphash.MakeSeed(), map[uint64]bool{}, false
	err := v.guids(ctx, m.Raw, func(guid string) {
		nameless = nameless || guid == ""
		left[maphash.String(seed, guid)] = true
	})
	for i := range v.survey.Mailboxes {
		other := &v.survey.Mailboxes[i]
		if err != nil || nameless || len(left) == 0 {
			break
		}
		if _, may := v.mayBeVirtual(other); may || !other.Selectable() || other.Status == nil ||
			other.Status.Messages == 0 {
			continue
		}
		err = v.guids(ctx, other.Raw, func(guid string) { delete(left, maphash.String(seed, guid)) })
	}
	return err == nil && !nameless && len(left) == 0, err
}

// guids calls do with the X-GUID of every message of a mailbox.
func (v *virtualQuestion) guids(ctx context.Context, raw string, do func(guid string)) error {
	if _, err := v.Examine(ctx, raw); err != nil {
		return err
	}
	cmd := imap.NewCommand("UID FETCH").Raw(" 1:* (UID X-GUID)")
	cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		if resp.Name != "FETCH" || len(resp.Args) == 0 {
			return false, nil
		}
		guid, _ := wire.Attribute(resp.Args[0].List, "X-GUID")
		do(objectID(guid))
		return true, nil
	}
	return v.Do(ctx, cmd)
}
