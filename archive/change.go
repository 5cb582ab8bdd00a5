package archive

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// change is what happened to a mailbox since it was recorded.
type change struct {
	gone  mail.UIDSet
	flags map[mail.UID]*manifest.FlagSet // of messages whose flags changed, or may have
	fresh mail.UIDSet                    // to be downloaded, if they are there

	sets map[string]*manifest.FlagSet // each distinct set once: mailboxes have few
}

func newChange() *change {
	return &change{flags: make(map[mail.UID]*manifest.FlagSet), sets: make(map[string]*manifest.FlagSet)}
}

// flagSet is the message's set, shared with all messages that have the same.
func (c *change) flagSet(message mail.Message) *manifest.FlagSet {
	key := strings.Join(message.Flags, "\x00") + "\x00\x00" + strings.Join(message.Labels, "\x00")
	set, ok := c.sets[key]
	if !ok {
		set = &manifest.FlagSet{Flags: message.Flags, Labels: message.Labels}
		c.sets[key] = set
	}
	return set
}

// askChanges asks what changed since the recorded mod-sequence: flags by CHANGEDSINCE, removals by VANISHED or, where
// the server lacks that, by the set of UIDs that are there.
func (r *reading) askChanges(ctx context.Context, seat *seat, old, found *manifest.Mailbox, c *change) error {
	known := mail.UIDRange{First: 1, Last: lastUID(old)}
	c.fresh.AddRange(mail.UIDRange{First: known.Last + 1, Last: lastUID(found)})
	return seat.ask(ctx, func(view View) error {
		clear(c.flags)
		gone, told, err := view.Changes(ctx, known, old.Status.HighestModSeq, func(message mail.Message) error {
			c.flags[message.UID] = c.flagSet(message)
			return nil
		})
		if err != nil {
			return err
		}
		if told {
			c.gone = gone
			return nil
		}
		present, err := view.UIDs(ctx, known)
		if err != nil || present.Len() == old.Messages {
			return err
		}
		return r.missing(ctx, old, present, c)
	})
}

// missing adds to c.gone the recorded messages that are not present.
func (r *reading) missing(ctx context.Context, old *manifest.Mailbox, present mail.UIDSet, c *change) error {
	for entry, err := range old.Entries(r.walk.load(ctx)) {
		if err != nil {
			return err
		}
		if !present.Contains(entry.UID) {
			c.gone.Add(entry.UID)
		}
	}
	return nil
}

// stretch is how many messages' flags are compared at a time: it bounds the memory and costs a round trip each.
const stretch = 16 * manifest.MaxPageRecords

// stretches yields the entries of a mailbox, so many at a time.
func stretches(m *manifest.Mailbox, load func(chunk.ID) ([]byte, error)) iter.Seq2[[]manifest.Entry, error] {
	return func(yield func([]manifest.Entry, error) bool) {
		var entries []manifest.Entry
		for entry, err := range m.Entries(load) {
			if err != nil {
				yield(nil, err)
				return
			}
			if entries = append(entries, *entry); len(entries) == stretch {
				if !yield(entries, nil) {
					return
				}
				entries = nil
			}
		}
		if len(entries) > 0 {
			yield(entries, nil)
		}
	}
}

// compareFlags reads the flags of all messages and compares them with the record. Messages that are there but not
// recorded (earlier failures) become fresh.
func (r *reading) compareFlags(ctx context.Context, seat *seat, old, found *manifest.Mailbox, c *change) error {
	next := mail.UID(1)
	for entries, err := range stretches(old, r.walk.load(ctx)) {
		if err != nil {
			return err
		}
		span := mail.UIDRange{First: next, Last: entries[len(entries)-1].UID}
		next = span.Last + 1
		if err := seat.ask(ctx, func(view View) error { return compareStretch(ctx, view, entries, span, c) }); err != nil {
			return err
		}
	}
	c.fresh.AddRange(mail.UIDRange{First: next, Last: lastUID(found)})
	return nil
}

// compareStretch compares the recorded entries of a range of UIDs with the flags that the server tells now.
func compareStretch(ctx context.Context, view View, entries []manifest.Entry, span mail.UIDRange, c *change) error {
	present := make(map[mail.UID]*manifest.FlagSet, len(entries))
	for message, err := range view.Flags(ctx, span) {
		if err != nil {
			return err
		}
		if span.Contains(message.UID) {
			present[message.UID] = c.flagSet(message)
		}
	}
	for _, entry := range entries {
		now, ok := present[entry.UID]
		switch {
		case !ok:
			c.gone.Add(entry.UID)
		case !now.Flags.Equal(entry.Flags) || !slices.Equal(now.Labels, entry.Labels):
			c.flags[entry.UID] = now
		}
		delete(present, entry.UID)
	}
	for uid := range present {
		c.fresh.Add(uid)
	}
	return nil
}
