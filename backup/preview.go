package backup

import (
	"context"

	"github.com/mailstrata/mailstrata/backup/compare"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// preview is the result of examining a mailbox: what is to be done, before anything is downloaded.
type preview struct {
	old      *manifest.Mailbox // the old mailbox, if its UIDs still identify the same messages
	found    *manifest.Mailbox // the new mailbox, without messages
	change   *compare.Change
	validity uint32 // the UIDVALIDITY of the view
	upToDate bool   // nothing is to be done: the old mailbox stays
	err      error
}

// examine opens the mailbox and finds out what is to be done.
func (r *mailboxRun) examine(ctx context.Context, session *source.Session) *preview {
	sampled, err := r.chooseSample(ctx)
	if err != nil || r.verifyOnly && len(sampled) == 0 {
		return &preview{upToDate: true, err: err}
	}
	view, err := session.OpenFor(ctx, r.listedFirst)
	if err != nil {
		return &preview{err: err}
	}
	found := r.newMailbox(view)
	if r.uncertain {
		same, err := compare.Confirm(ctx, session, r.old, r.sharedValidity, r.account.catalog.pages(ctx))
		if err != nil {
			return &preview{err: err}
		}
		if !same {
			r.account.moves.Lost(r.old)
			r.old = nil
		}
		r.uncertain = false
	}
	old, err := r.provenMailbox(ctx, session, found)
	if err != nil {
		return &preview{err: err}
	}
	if old == nil && r.old != nil {
		r.account.moves.Lost(r.old)
		if r.account.recorder.round > 0 {
			r.account.vanished.add(r.old, nil)
		}
	}
	if old != nil {
		same, err := r.verifySample(ctx, session, sampled)
		switch {
		case err != nil:
			return &preview{err: err}
		case !same:
			old, r.downloadAll = nil, true
			r.account.moves.Distrust()
		case r.verifyOnly:
			return &preview{upToDate: true}
		}
	}
	c, err := r.compare(ctx, session, old, found, r.canAskForChanges(old, found))
	if err == nil && old != nil && r.account.recorder.round > 0 {
		r.account.vanished.add(old, &c.Gone)
	}
	return &preview{old: old, found: found, change: c, validity: session.Validity, err: err}
}

// listedFirst returns the UIDs that are listed first once the mailbox is open. They are known
// before if nothing of it is archived yet.
func (r *mailboxRun) listedFirst() (mail.UIDRange, error) {
	if r.connected != nil {
		r.connected()
	}
	now := r.listed.Status
	if r.old != nil || r.verify || now == nil || now.Messages == 0 || now.UIDNext == 0 {
		return mail.UIDRange{}, nil
	}
	var all mail.UIDSet
	all.AddRange(mail.UIDRange{First: 1, Last: mail.UID(now.UIDNext - 1)})
	if compare.IsSparse(now.Messages, all) {
		return mail.UIDRange{}, nil
	}
	return fetch.First(all), nil
}

// provenMailbox returns the old mailbox, if its UIDs still identify the same messages on this
// server.
func (r *mailboxRun) provenMailbox(
	ctx context.Context, session *source.Session, found *manifest.Mailbox,
) (*manifest.Mailbox, error) {
	if r.old != nil && r.old.Unproven {
		r.candidates, r.otherServer = r.old, r.old.UIDValidity() == found.UIDValidity()
		return nil, nil
	}
	old := r.validMailbox(found)
	if old == nil || !r.account.recorder.validities.Ambiguous(found.Status) {
		return old, nil
	}
	same, err := r.spotCheck(ctx, session, old)
	if err != nil || same {
		return old, err
	}
	r.account.recorder.warn("mailbox %q has other messages than before under the same UIDs and UIDVALIDITY (%d), "+
		"so all of it is read again", r.listed.Name, found.UIDValidity())
	return nil, nil
}

// examineFirst examines the mailbox before any mailbox is read, because messages that left this one
// may have arrived in another.
func (r *mailboxRun) examineFirst(ctx context.Context) error {
	session := r.account.session(r.listed)
	defer func() { session.Release() }()
	if r.preview = r.examine(ctx, session); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil // run reports the error
}

// toExamineFirst returns the mailboxes to examine before any is read, if messages have arrived:
// those that messages may have left, and those of which a sample is compared, because no message is
// matched if one differs from the archive. All other mailboxes are examined when they are read,
// because changes take memory until then.
func toExamineFirst(due []*mailboxRun) (first []*mailboxRun) {
	arrived := false
	for _, r := range due {
		arrived = arrived || r.expected() > 0
		if r.mayHaveLost() || r.verify {
			first = append(first, r)
		}
	}
	if !arrived || len(due) == 1 {
		return nil
	}
	return first
}

// mayHaveLost reports whether the numbers allow that archived messages are gone.
func (r *mailboxRun) mayHaveLost() bool {
	if r.uncertain || r.old != nil && r.old.Unproven {
		return true
	}
	if r.old == nil || r.old.Messages == 0 {
		return false
	}
	was, now := r.old.Status, r.listed.Status
	if was == nil || now == nil || was.UIDNext == 0 || now.UIDNext < was.UIDNext || now.UIDValidity != was.UIDValidity {
		return true
	}
	return max(r.old.Messages, int64(was.Messages))+int64(now.UIDNext-was.UIDNext) > int64(now.Messages)
}
