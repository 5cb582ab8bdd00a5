package identity

import (
	"cmp"
	"slices"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Matches holds the archived mailboxes of those that a survey lists. One under the same name
// matches if it is the same mailbox. If a mailbox was renamed, or another mailbox has its name,
// Matches goes by what stays the same in a rename.
//
// A MAILBOXID (RFC 8474) proves the match. If the server has none, an equal UIDVALIDITY is a hint,
// and the archived mailbox must be compared with the server (compare.Confirm).
type Matches struct {
	named   map[string]*manifest.Mailbox // by raw name: archived under that name
	renamed map[string]Match             // by raw name: archived under another name
	claimed map[*manifest.Mailbox]bool   // those that have another name now
	shared  map[uint32]int               // how many archived mailboxes have a UIDVALIDITY
}

// Match is the archived mailbox that a listed one seems to be.
type Match struct {
	Old       *manifest.Mailbox
	Uncertain bool // it must be confirmed
	Shared    bool // other mailboxes have the same UIDVALIDITY, so that it proves little
}

// Find matches a survey with archived mailboxes. vanished are the archived mailboxes whose raw
// names the survey lacks.
func Find(survey *mail.Survey, recorded map[string]*manifest.Mailbox, vanished []*manifest.Mailbox) *Matches {
	r := &Matches{
		named: make(map[string]*manifest.Mailbox), renamed: make(map[string]Match),
		claimed: make(map[*manifest.Mailbox]bool), shared: make(map[uint32]int),
	}
	for _, m := range recorded {
		r.shared[m.UIDValidity()]++
	}
	candidates := slices.Clone(vanished)
	var unmatched []*mail.Mailbox
	for i := range survey.Mailboxes {
		listed := &survey.Mailboxes[i]
		old := recorded[listed.Raw]
		if old == nil {
			old = r.reencoded(listed, vanished)
		}
		r.named[listed.Raw] = old
		switch {
		case listed.Status == nil:
		case old == nil:
			unmatched = append(unmatched, listed)
		case isOther(old, listed.Status):
			unmatched, candidates = append(unmatched, listed), append(candidates, old)
		}
	}
	candidates = slices.DeleteFunc(candidates, func(m *manifest.Mailbox) bool {
		return m.Status == nil || m.Messages == 0 || r.claimed[m]
	})
	for _, fits := range []func(was, now *mail.Status) bool{isSame, isUnchanged, mayBeSame} {
		unmatched = r.pair(unmatched, candidates, fits)
	}
	return r
}

// reencoded returns the archived mailbox that had the same decoded name in another encoding. With
// UTF8=ACCEPT (RFC
// 6855) a server sends a name in other bytes.
func (r *Matches) reencoded(listed *mail.Mailbox, vanished []*manifest.Mailbox) *manifest.Mailbox {
	i := slices.IndexFunc(vanished, func(m *manifest.Mailbox) bool {
		return m.Name == listed.Name && m.Delimiter == listed.Delimiter && m.Raw != listed.Raw && !r.claimed[m]
	})
	if i < 0 {
		return nil
	}
	r.claimed[vanished[i]] = true
	return vanished[i]
}

// pair pairs listed mailboxes with archived ones that fit, if each fits only one, and returns the
// listed mailboxes that are left.
func (r *Matches) pair(
	unmatched []*mail.Mailbox, candidates []*manifest.Mailbox, fits func(was, now *mail.Status) bool,
) (left []*mail.Mailbox) {
	for _, listed := range unmatched {
		var old *manifest.Mailbox
		olds, others := 0, 0
		for _, m := range candidates {
			if !r.claimed[m] && fits(m.Status, listed.Status) {
				old, olds = m, olds+1
			}
		}
		if old != nil {
			for _, other := range unmatched {
				if fits(old.Status, other.Status) {
					others++
				}
			}
		}
		if olds != 1 || others != 1 {
			left = append(left, listed)
			continue
		}
		sure := isSame(old.Status, listed.Status)
		r.renamed[listed.Raw] = Match{old, !sure, !sure && r.shared[old.UIDValidity()] > 1}
	}
	for _, listed := range unmatched {
		if d, ok := r.renamed[listed.Raw]; ok {
			r.claimed[d.Old] = true
		}
	}
	return left
}

// Of returns the match of a listed mailbox, if it has one.
func (r *Matches) Of(listed *mail.Mailbox) Match {
	if d, ok := r.renamed[listed.Raw]; ok {
		return d
	}
	old := r.named[listed.Raw]
	if old != nil && old.Raw == listed.Raw && r.claimed[old] {
		return Match{} // it has another name now
	}
	return Match{Old: old}
}

// isOther reports whether a mailbox differs from the one that was archived under its name.
func isOther(old *manifest.Mailbox, now *mail.Status) bool {
	was := old.Status
	return was != nil && (Contradict(was.MailboxID, now.MailboxID) ||
		was.UIDValidity != 0 && now.UIDValidity != 0 && was.UIDValidity != now.UIDValidity)
}

// isSame, isUnchanged and mayBeSame compare the numbers of an archived mailbox with those of a
// listed one. isSame reports that the server says that they are the same mailbox, isUnchanged that
// nothing changed, and mayBeSame that messages may have come and gone.
func isSame(was, now *mail.Status) bool {
	return was.MailboxID != "" && was.MailboxID == now.MailboxID && was.UIDValidity == now.UIDValidity
}

func isUnchanged(was, now *mail.Status) bool {
	return mayBeSame(was, now) && was.UIDNext == now.UIDNext && was.Messages == now.Messages
}

func mayBeSame(was, now *mail.Status) bool {
	return was.UIDValidity != 0 && was.UIDValidity == now.UIDValidity && !Contradict(was.MailboxID, now.MailboxID) &&
		now.Messages > 0 && (was.UIDNext <= now.UIDNext || now.UIDNext == 0)
}

// Missing returns the archived mailboxes that a survey does not list, in the order of their names.
func Missing(survey *mail.Survey, recorded map[string]*manifest.Mailbox) []*manifest.Mailbox {
	listed := make(map[string]bool, len(survey.Mailboxes))
	for _, mailbox := range survey.Mailboxes {
		listed[mailbox.Raw] = true
	}
	var vanished []*manifest.Mailbox
	for raw, mailbox := range recorded {
		if !listed[raw] {
			vanished = append(vanished, mailbox)
		}
	}
	slices.SortFunc(vanished, func(a, b *manifest.Mailbox) int { return cmp.Compare(a.Raw, b.Raw) })
	return vanished
}
