package jmapsource

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/backup/source/numbering"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
)

// snapshot is the account at one moment. It does not change, but for attributes that are read
// later.
type snapshot struct {
	tree    *tree
	state   string              // of Email, from before the messages were described; "": not known
	apart   bool                // each mailbox is read as one
	folders map[string]*listing // by raw name

	unloaded bool // the folders have their numbers, and no messages yet
}

// entry is a message. Several mailboxes share it.
type entry struct {
	id string
	*attributes
}

// attributes are what a listing keeps of a message. nil: the archive has them.
type attributes struct {
	size  int64
	date  mail.Date
	flags mail.Flags // equal sets share one
	boxes []string   // ids of mailboxes
}

// listing is the messages of a mailbox, ascending by UID.
type listing struct {
	archived mail.Mailbox
	in       func(*tree, []string) bool // whether a message in these mailboxes is in this one
	uids     []mail.UID
	entries  []*entry
	status   mail.Status

	// since is the HIGHESTMODSEQ of the archived mailbox, if entries without attributes are as they
	// are archived; gone are the archived messages that are not listed. 0: every message is listed
	// with its attributes.
	since uint64
	gone  mail.UIDSet
}

// newFolders returns the mailboxes to read, without messages.
func (s *Source) newFolders(t *tree) (folders map[string]*listing, apart bool) {
	folders, apart = make(map[string]*listing), s.asMailboxes(t)
	if !apart && s.wants(t.all) {
		folders[t.all.Raw] = &listing{archived: t.all, in: (*tree).isInAll}
	}
	for _, b := range t.boxes {
		if (apart || b.isApart()) && s.wants(b.archived) {
			folders[b.archived.Raw] = &listing{archived: b.archived, in: func(_ *tree, ids []string) bool { return slices.Contains(ids, b.ID) }}
		}
	}
	return folders, apart
}

// next returns the account as it is now: as the one before, in this run or in the archive, with
// what changed since, or else as a new listing.
func (s *Source) next(ctx context.Context, session *jmap.Session) (*snapshot, error) {
	mark := s.knownMark()
	since := mark[min(markLength, len(mark)):]
	first, err := s.ask(ctx, session, since)
	if err != nil {
		return nil, err
	}
	t := newTree(first.boxes)
	if first.changes == nil || mark[:markLength] != t.mark {
		return s.list(ctx, session, t, first.state)
	}
	known := s.current
	if known == nil {
		known = s.archived(t)
	}
	if known == nil {
		return s.list(ctx, session, t, first.state)
	}
	if first.changes.isNone() && !known.exceeds(t, first.changes) {
		known.state = first.changes.state
		s.setStatus(known)
		return known, nil
	}
	complete, err := s.load(ctx, known)
	if err != nil {
		return nil, err
	}
	if complete {
		now, err := s.advance(ctx, session, known, first.changes)
		if err != nil || !now.exceeds(t, first.changes) {
			return now, err
		}
	}
	return s.list(ctx, session, t, first.state)
}

// knownMark returns the mail.Status.State of the account before: that of this run, or the one that
// all archived mailboxes have.
func (s *Source) knownMark() string {
	if s.current != nil {
		if s.current.state == "" {
			return ""
		}
		return s.current.tree.mark + s.current.state
	}
	if s.previous == nil {
		return ""
	}
	common := ""
	for _, m := range s.previous.Mailboxes() {
		status := s.previous.Status(m.Raw)
		switch {
		case m.Label:
		case status == nil || status.State == "" || common != "" && status.State != common:
			return ""
		default:
			common = status.State
		}
	}
	return common
}

// markLength is the length of tree.mark.
const markLength = 8

// archived returns the account as it is archived, without messages (load). It is nil if the archive
// has other mailboxes than these.
func (s *Source) archived(t *tree) *snapshot {
	next := &snapshot{tree: t, unloaded: true}
	next.folders, next.apart = s.newFolders(t)
	for raw, l := range next.folders {
		status := s.archivedStatus(raw)
		if status == nil || status.HighestModSeq == 0 || status.UIDValidity == 0 || status.State == "" {
			return nil
		}
		l.since, l.status = status.HighestModSeq, *status
	}
	return next
}

// load fills a snapshot from the archive, if it has no messages yet. complete is false if some are
// not archived.
func (s *Source) load(ctx context.Context, known *snapshot) (complete bool, err error) {
	if !known.unloaded {
		return true, nil
	}
	for raw, l := range known.folders {
		n := numbering.Archived(&l.status, 0)
		s.numbers[raw] = n
		for message, err := range s.previous.Known(ctx, raw) {
			if err != nil {
				delete(s.numbers, raw)
				return false, err
			}
			n.Know(message.ID, message.UID)
			l.uids, l.entries = append(l.uids, message.UID), append(l.entries, &entry{id: message.ID})
		}
		if len(l.uids) != int(l.status.Messages) ||
			slices.ContainsFunc(l.entries, func(e *entry) bool { return e.id == "" }) {
			return false, nil
		}
	}
	known.unloaded = false
	return true, nil
}

// with returns a snapshot with changes. Entries with attributes replace those that are there;
// destroyed ones are left out.
func (s *Source) with(
	ctx context.Context, before *snapshot, changed map[string]*entry, destroyed map[string]bool,
) (*snapshot, error) {
	next := &snapshot{tree: before.tree, apart: before.apart, folders: make(map[string]*listing, len(before.folders))}
	fresh := slices.SortedFunc(maps.Values(changed), byDate)
	for raw, was := range before.folders {
		now := &listing{archived: was.archived, in: was.in, status: was.status, since: was.since, gone: was.gone}
		kept := make(map[string]bool)
		for i, e := range was.entries {
			if other := changed[e.id]; other != nil {
				e = other
			}
			if destroyed[e.id] || e.attributes != nil && !was.in(next.tree, e.boxes) {
				now.gone.Add(was.uids[i])
				continue
			}
			kept[e.id] = true
			now.entries = append(now.entries, e)
		}
		for _, e := range fresh {
			if !kept[e.id] && was.in(next.tree, e.boxes) && !destroyed[e.id] {
				now.entries = append(now.entries, e)
			}
		}
		if err := s.number(ctx, now); err != nil {
			return nil, err
		}
		next.folders[raw] = now
	}
	return next, nil
}

func byDate(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.date.Seconds, b.date.Seconds), strings.Compare(a.id, b.id))
}

// number gives the messages of a listing their UIDs, and sorts them by these.
func (s *Source) number(ctx context.Context, l *listing) error {
	n, err := s.numbersOf(ctx, l.archived.Raw)
	if err != nil {
		return err
	}
	messages := make([]numbering.Message, len(l.entries))
	for i, e := range l.entries {
		messages[i].Key = e.id
	}
	uids, err := n.Assign(messages, 0)
	if err != nil {
		return fmt.Errorf("%w: mailbox %q: %v", mail.ErrRefused, l.archived.Name, err)
	}
	order := make([]int, len(uids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(uids[a], uids[b]) })
	entries := make([]*entry, len(order))
	l.uids = make([]mail.UID, len(order))
	for to, from := range order {
		l.uids[to], entries[to] = uids[from], l.entries[from]
	}
	l.entries = entries
	l.gone = l.gone.Without(mail.UIDs(l.uids...))
	l.status.UIDValidity, l.status.UIDNext, l.status.Messages = n.Validity, n.Next, uint32(len(l.uids))
	return nil
}

// setStatus gives the listings their states. HIGHESTMODSEQ is the time at which a state was first
// seen.
func (s *Source) setStatus(next *snapshot) {
	state := ""
	if next.state != "" && markLength+len(next.state) <= mail.MaxState {
		state = next.tree.mark + next.state
	}
	now := uint64(time.Now().UnixNano())
	for raw, l := range next.folders {
		var was mail.Status
		if status := s.archivedStatus(raw); status != nil {
			was = *status
		}
		if s.current != nil && s.current.folders[raw] != nil {
			was = s.current.folders[raw].status
		}
		l.status.State, l.status.MailboxID = state, ""
		if state != "" && was.State == state && was.HighestModSeq > 0 {
			l.status.HighestModSeq = was.HighestModSeq
		} else { // without a state, the account counts as changed
			l.status.HighestModSeq = max(now, was.HighestModSeq+1)
		}
	}
}

// mailboxes returns the mailboxes for a survey.
func (s *snapshot) mailboxes() (list []mail.Mailbox) {
	for _, l := range s.folders {
		m := l.archived
		status := l.status
		m.Status = &status
		list = append(list, m)
	}
	for _, b := range s.tree.boxes {
		if s.folders[b.archived.Raw] == nil {
			m := b.archived
			m.Label = !s.apart && !b.isApart()
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b mail.Mailbox) int { return cmp.Compare(a.Raw, b.Raw) })
	return list
}

// span returns the indices of the messages of a range.
func (l *listing) span(uids mail.UIDRange) (first, end int) {
	first, _ = slices.BinarySearch(l.uids, uids.First)
	end, found := slices.BinarySearch(l.uids, uids.Last)
	if found {
		end++
	}
	return first, max(first, end)
}

// isEmpty reports whether there is no message.
func (s *snapshot) isEmpty() bool {
	for _, l := range s.folders {
		if l.status.Messages > 0 {
			return false
		}
	}
	return true
}

// fewMore is how many messages more than the server counts can have arrived between two answers.
const fewMore = 10

// exceeds reports whether a snapshot has more messages than the server counts in its mailboxes.
// Then what the server says about changes is of another account: one that was made again at the
// same place, or restored from a backup.
func (s *snapshot) exceeds(t *tree, changes *changes) bool {
	for _, l := range s.folders {
		count, known := int64(len(changes.changed))+fewMore, true
		for _, b := range t.boxes {
			if l.in(t, []string{b.ID}) {
				if known = known && b.Emails != nil; known {
					count += *b.Emails
				}
			}
		}
		if known && int64(l.status.Messages) > count {
			return true
		}
	}
	return false
}

// hasUnlisted reports whether a message is in a mailbox that was not listed.
func (s *snapshot) hasUnlisted() bool {
	for _, l := range s.folders {
		for _, e := range l.entries {
			if e.attributes != nil &&
				slices.ContainsFunc(e.boxes, func(id string) bool { return s.tree.byID[id] == nil }) {
				return true
			}
		}
	}
	return false
}
