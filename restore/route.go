package restore

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// delivery is what goes into one mailbox of the target: messages that are recorded in one mailbox of the archive. It is
// the same mailbox, but where labels become mailboxes.
type delivery struct {
	mail.Mailbox                   // that the target is asked for
	from         *manifest.Mailbox // whose messages
	uids         *mail.UIDSet      // these of them; nil: all
	messages     int64             // that are to be there
	bytes        int64
}

// choose finds out what goes where.
func (r *restore) choose(ctx context.Context) ([]*delivery, error) {
	all, err := r.readable(ctx)
	if err != nil {
		return nil, err
	}
	spread, err := r.newSpreading(ctx, all)
	if err != nil {
		return nil, err
	}
	sources := slices.DeleteFunc(slices.Clone(all), func(m *manifest.Mailbox) bool {
		return !r.wants(m) && !spread.needs(m) || m.Label && (spread != nil || !r.keepsLabels)
	})
	if r.Pick != nil {
		if sources, err = r.pick(ctx, sources); err != nil {
			return nil, err
		}
	}
	var list []*delivery
	for _, m := range sources {
		if spread != nil && m == spread.home {
			if err := spread.read(ctx); err != nil {
				return nil, err
			}
			continue
		}
		d := &delivery{Mailbox: m.Mailbox, from: m, messages: m.Messages, bytes: m.Bytes}
		if p := r.picked[m]; p != nil {
			d.messages, d.bytes = p.messages, p.bytes
		}
		list = append(list, d)
	}
	list = append(list, spread.deliveries()...)
	stripNamespace(list, all, r.Contents.Manifest.Server.Namespaces)
	r.brief(all)
	for _, d := range list {
		r.ledger.expect(d.messages, d.bytes)
	}
	return list, nil
}

// brief gives the target what it needs to know about the archive.
func (r *restore) brief(all []*manifest.Mailbox) {
	target, ok := r.Target.(Informed)
	if !ok {
		return
	}
	list := make([]*delivery, len(all))
	for i, m := range all {
		list[i] = &delivery{Mailbox: m.Mailbox, from: m}
	}
	stripNamespace(list, all, r.Contents.Manifest.Server.Namespaces)
	target.Inform(ArchiveInfo{asked(list), r.Contents.MessageHasher})
}

func (r *restore) wants(m *manifest.Mailbox) bool { return r.Mailboxes == nil || r.Mailboxes(m) }

// readable reads the mailbox tables. A table that cannot be read is a failure, and the others are restored.
func (r *restore) readable(ctx context.Context) ([]*manifest.Mailbox, error) {
	var all []*manifest.Mailbox
	for mailbox, err := range r.Contents.Mailboxes(ctx) {
		if err != nil {
			if err := r.harm(ctx, Problem{Reason: err.Error()}, err); err != nil {
				return nil, err
			}
			continue
		}
		all = append(all, mailbox)
	}
	return all, nil
}

// spreading is the laying of Gmail's messages into the mailboxes that their labels name.
type spreading struct {
	restore *restore
	home    *manifest.Mailbox    // All Mail
	boxes   map[string]*delivery // by label; nil: a label that names no mailbox, or none that is wanted
	order   []*delivery
	rest    *delivery // what no label brings anywhere stays in All Mail; nil: it is not wanted
}

// newSpreading is nil where nothing is to be spread: without labels in the manifest, and where the target has labels itself.
func (r *restore) newSpreading(ctx context.Context, all []*manifest.Mailbox) (*spreading, error) {
	at := slices.IndexFunc(all, func(m *manifest.Mailbox) bool { return m.Has(`\All`) && !m.Label })
	if at < 0 || r.Labels != LabelsAsMailboxes || !slices.ContainsFunc(all, func(m *manifest.Mailbox) bool { return m.Label }) {
		return nil, nil
	}
	if k, ok := r.Target.(LabelKeeper); ok {
		var err error
		if r.keepsLabels, err = k.KeepsLabels(ctx); err != nil || r.keepsLabels {
			return nil, err
		}
	}
	s := &spreading{restore: r, home: all[at], boxes: make(map[string]*delivery)}
	for _, m := range all {
		switch {
		case !r.wants(m):
		case m == s.home:
			s.rest = s.add(m.Mailbox)
		case m.Label:
			d := s.add(m.Mailbox)
			for _, key := range archive.LabelKeys(&m.Mailbox) {
				s.boxes[key] = d
			}
		}
	}
	return s, nil
}

func (s *spreading) add(mailbox mail.Mailbox) *delivery {
	mailbox.Label = false
	d := &delivery{Mailbox: mailbox, from: s.home, uids: new(mail.UIDSet)}
	s.order = append(s.order, d)
	return d
}

// needs reports whether messages of the mailbox are wanted under their labels.
func (s *spreading) needs(m *manifest.Mailbox) bool {
	return s != nil && m == s.home && len(s.order) > 0
}

// read reads the labels of all messages.
func (s *spreading) read(ctx context.Context) error {
	r, picked := s.restore, s.restore.picked[s.home]
	for page, err := range r.Contents.Ahead(ctx, r.Contents.Pages(ctx, s.home)) {
		var entries []manifest.Entry
		if err == nil {
			entries, err = r.Contents.Page(ctx, s.home, page)
		}
		if err != nil {
			if err := r.harm(ctx, Problem{Mailbox: s.home.Name}, err); err != nil {
				return err
			}
		}
		for i := range entries {
			if wanted, spare := picked.wants(&entries[i]); wanted || spare {
				s.deal(&entries[i], wanted)
			}
		}
	}
	return nil
}

// deal lays one message into its mailboxes.
func (s *spreading) deal(e *manifest.Entry, counts bool) {
	var into []*delivery
	for _, label := range e.Labels {
		if d := s.box(label); d != nil && !slices.Contains(into, d) {
			into = append(into, d)
		}
	}
	if len(into) == 0 && s.rest != nil {
		into = append(into, s.rest)
	}
	for _, d := range into {
		d.uids.Add(e.UID)
		if counts {
			d.messages++
			d.bytes += e.Size
		}
	}
}

// box finds the mailbox of a label. A label of the user that is hidden from IMAP has none in the manifest: it gets one.
func (s *spreading) box(label string) *delivery {
	key := archive.LabelKey(label)
	d, known := s.boxes[key]
	if !known && key[0] != '\\' {
		hidden := mail.Mailbox{Raw: label, Name: key, Delimiter: s.home.Delimiter}
		if s.restore.wants(&manifest.Mailbox{Mailbox: hidden}) {
			d = s.add(hidden)
		}
		s.boxes[key] = d
	}
	return d
}

// deliveries are those that come of it; of messages that are picked, no empty ones.
func (s *spreading) deliveries() []*delivery {
	if s == nil {
		return nil
	}
	if s.restore.Pick == nil {
		return s.order
	}
	return slices.DeleteFunc(s.order, func(d *delivery) bool { return d.uids.Len() == 0 })
}

// mayBeThere is how many messages the folder may hold, and what is known of each stays in memory while it is open: where some
// of a mailbox are picked, the others may be there as well.
func (d *delivery) mayBeThere() int64 {
	if d.uids != nil { // all messages of Gmail are in one mailbox
		return d.messages
	}
	return d.from.Messages
}

// told leaves out an error that was told of when the labels were read.
func (d *delivery) told(err error) bool {
	return d.uids != nil && (archive.IsDamage(err) || errors.Is(err, archive.ErrFlags))
}
