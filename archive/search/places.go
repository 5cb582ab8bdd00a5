package search

import (
	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Places says where a search in all manifests looks, if that is known before. Conditions on flags
// need the pages of every manifest, but only those of messages that can match.
type Places struct {
	UIDs       map[Place]mail.UIDSet
	Everywhere func(repo.Head) bool // manifests of which all is searched
}

// Place is a mailbox, by its raw name, of an account, as repo.Head has it.
type Place struct{ Account, Mailbox string }

// prepare makes a Lookahead fetch nothing that is not searched.
func (p *Places) prepare(ahead *archive.Lookahead) {
	var all mail.UIDSet // of all mailboxes: more than is searched, and enough to leave out most
	for _, uids := range p.UIDs {
		for r := range uids.Ranges() {
			all.AddRange(r)
		}
	}
	ahead.Only(func(page manifest.Page) bool {
		first, last := page.Range()
		for r := range all.Ranges() {
			if uint64(r.First) <= last {
				if first <= uint64(r.Last) {
					return true
				}
				continue
			}
			return false
		}
		return false
	})
}

// narrow returns the messages of a mailbox that are searched. If all are, it returns true.
func (p *Places) narrow(head repo.Head, mailbox *manifest.Mailbox) (uids mail.UIDSet, all bool) {
	if p == nil || p.Everywhere != nil && p.Everywhere(head) {
		return uids, true
	}
	return p.UIDs[Place{head.Account, mailbox.Raw}], false
}
