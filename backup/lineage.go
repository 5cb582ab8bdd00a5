package backup

import (
	"slices"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// lineage is what is recorded of the mailboxes that a survey lists: under the name that they have, as long as it is of the
// same mailbox; and where a mailbox got another name, or a name another mailbox, by what a mailbox keeps when it is renamed.
//
// MAILBOXID (RFC 8474) is proof of that. Where the server has none, the same UIDVALIDITY is a hint, and what is recorded
// must be compared with what is there (confirm).
type lineage struct {
	named   map[string]*manifest.Mailbox // by raw name of today: recorded under that name
	renamed map[string]descent           // by raw name of today: recorded under another one
	claimed map[*manifest.Mailbox]bool   // those that have another name now
	shared  map[uint32]int               // how many recorded mailboxes have a UIDVALIDITY
}

// descent is the recorded mailbox that a listed one seems to be.
type descent struct {
	old      *manifest.Mailbox
	doubtful bool // it must be confirmed
	common   bool // other mailboxes have its UIDVALIDITY too, which proves little then
}

// newLineage compares a survey with what is recorded. vanished are the recorded mailboxes whose raw names it does not list.
func newLineage(survey *mail.Survey, recorded map[string]*manifest.Mailbox, vanished []*manifest.Mailbox) *lineage {
	l := &lineage{
		named: make(map[string]*manifest.Mailbox), renamed: make(map[string]descent),
		claimed: make(map[*manifest.Mailbox]bool), shared: make(map[uint32]int),
	}
	for _, m := range recorded {
		l.shared[m.UIDValidity()]++
	}
	candidates := slices.Clone(vanished)
	var newcomers []*mail.Mailbox
	for i := range survey.Mailboxes {
		listed := &survey.Mailboxes[i]
		old := recorded[listed.Raw]
		if old == nil {
			old = l.respelled(listed, vanished)
		}
		l.named[listed.Raw] = old
		switch {
		case listed.Status == nil:
		case old == nil:
			newcomers = append(newcomers, listed)
		case isOther(old, listed.Status):
			newcomers, candidates = append(newcomers, listed), append(candidates, old)
		}
	}
	candidates = slices.DeleteFunc(candidates, func(m *manifest.Mailbox) bool {
		return m.Status == nil || m.Messages == 0 || l.claimed[m]
	})
	for _, fits := range []func(was, now *mail.Status) bool{isSame, standsStill, mayHaveChanged} {
		newcomers = l.match(newcomers, candidates, fits)
	}
	return l
}

// respelled is the recorded mailbox that had this name when the server sent names in another form, as it does with and
// without UTF8=ACCEPT (RFC 6855).
func (l *lineage) respelled(listed *mail.Mailbox, vanished []*manifest.Mailbox) *manifest.Mailbox {
	i := slices.IndexFunc(vanished, func(m *manifest.Mailbox) bool {
		return m.Name == listed.Name && m.Delimiter == listed.Delimiter && m.Raw != listed.Raw && !l.claimed[m]
	})
	if i < 0 {
		return nil
	}
	l.claimed[vanished[i]] = true
	return vanished[i]
}

// match finds for mailboxes recorded ones that fit, if no other on either side does, and gives those left over.
func (l *lineage) match(newcomers []*mail.Mailbox, candidates []*manifest.Mailbox, fits func(was, now *mail.Status) bool) (left []*mail.Mailbox) {
	only := func(n int) bool { return n == 1 }
	for _, listed := range newcomers {
		var old *manifest.Mailbox
		olds, others := 0, 0
		for _, m := range candidates {
			if !l.claimed[m] && fits(m.Status, listed.Status) {
				old, olds = m, olds+1
			}
		}
		if old != nil {
			for _, other := range newcomers {
				if fits(old.Status, other.Status) {
					others++
				}
			}
		}
		if !only(olds) || !only(others) {
			left = append(left, listed)
			continue
		}
		sure := isSame(old.Status, listed.Status)
		l.renamed[listed.Raw] = descent{old, !sure, !sure && l.shared[old.UIDValidity()] > 1}
	}
	for _, listed := range newcomers {
		if d, ok := l.renamed[listed.Raw]; ok {
			l.claimed[d.old] = true
		}
	}
	return left
}

// of is what is recorded of a listed mailbox; nil: nothing.
func (l *lineage) of(listed *mail.Mailbox) descent {
	if d, ok := l.renamed[listed.Raw]; ok {
		return d
	}
	old := l.named[listed.Raw]
	if old != nil && old.Raw == listed.Raw && l.claimed[old] {
		return descent{} // it has another name now
	}
	return descent{old: old}
}

// isOther reports whether a mailbox is not the one that was recorded under its name.
func isOther(old *manifest.Mailbox, now *mail.Status) bool {
	was := old.Status
	return was != nil && (contradict(was.MailboxID, now.MailboxID) ||
		was.UIDValidity != 0 && now.UIDValidity != 0 && was.UIDValidity != now.UIDValidity)
}

// isSame, standsStill and mayHaveChanged compare the numbers of a recorded mailbox with those of one that may be it: the
// server says so; nothing has changed; or messages may have come and gone.
func isSame(was, now *mail.Status) bool {
	return was.MailboxID != "" && was.MailboxID == now.MailboxID && was.UIDValidity == now.UIDValidity
}

func standsStill(was, now *mail.Status) bool {
	return mayHaveChanged(was, now) && was.UIDNext == now.UIDNext && was.Messages == now.Messages
}

func mayHaveChanged(was, now *mail.Status) bool {
	return was.UIDValidity != 0 && was.UIDValidity == now.UIDValidity && !contradict(was.MailboxID, now.MailboxID) &&
		now.Messages > 0 && (was.UIDNext <= now.UIDNext || now.UIDNext == 0)
}
