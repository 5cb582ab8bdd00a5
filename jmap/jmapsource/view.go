package jmapsource

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
)

// view is a mailbox that is open for reading.
type view struct {
	source  *Source
	listing *listing
	tree    *tree
	blobs   map[mail.UID]blob // of messages that Messages yielded
}

// blob is where the text of a message is.
type blob struct {
	id   string
	size int64
}

var _ source.View = (*view)(nil)

// Status implements source.View.
func (v *view) Status() mail.Status { return v.listing.status }

// PermanentFlags implements source.View.
func (*view) PermanentFlags() []string { return nil }

// Expect implements source.View.
func (*view) Expect(mail.UIDRange) {}

// Close implements source.View.
func (*view) Close() error { return nil }

// message returns a message as far as a listing has it.
func (v *view) message(uid mail.UID, e *attributes) mail.Message {
	m := mail.Message{UID: uid, Flags: e.flags, Size: e.size, Internal: e.date}
	if v.listing.archived.Has(`\All`) {
		m.Labels = v.tree.labels(e.boxes)
	}
	return m
}

// windows yields the indices of a range, as many at a time as one answer describes.
func (v *view) windows(uids mail.UIDRange) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		most := getTogether
		if session, err := v.source.client.Session(context.Background()); err == nil {
			most = min(most, session.Limits.Get)
		}
		first, end := v.listing.span(uids)
		for at := first; at < end; at += most {
			if !yield(at, min(end, at+most)) {
				return
			}
		}
	}
}

// blobsKept bounds the memory of a view.
const blobsKept = 8192

// Messages implements source.View.
func (v *view) Messages(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		for first, end := range v.windows(uids) {
			if len(v.blobs) > blobsKept {
				clear(v.blobs)
			}
			found, err := v.describe(ctx, first, end, described)
			if err != nil {
				yield(mail.Message{}, err)
				return
			}
			var sets flagSets
			for at := first; at < end; at++ {
				e := found[v.listing.entries[at].id]
				if e == nil || !v.listing.in(v.tree, e.Mailboxes) {
					continue // it is gone
				}
				uid := v.listing.uids[at]
				v.blobs[uid] = blob{e.BlobID, e.Size}
				m := v.message(uid, sets.entry(e).attributes)
				m.IDs = mail.IDs{Email: e.ID, Thread: e.ThreadID}
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}

// describe asks for properties of the messages with these indices, by id. Those that are gone are
// not in the result.
func (v *view) describe(ctx context.Context, first, end int, properties []string) (map[string]*jmap.Email, error) {
	ids := make([]string, 0, end-first)
	for _, e := range v.listing.entries[first:end] {
		ids = append(ids, e.id)
	}
	return v.source.byID(ctx, ids, properties)
}

// byID asks for properties of messages, by id.
func (s *Source) byID(ctx context.Context, ids, properties []string) (map[string]*jmap.Email, error) {
	session, err := s.client.Session(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[string]*jmap.Email, len(ids))
	for _, part := range parts(session, ids) {
		got, err := s.describe(ctx, part, properties)
		if err != nil {
			return nil, err
		}
		for i := range got.List {
			found[got.List[i].ID] = &got.List[i]
		}
	}
	return found, nil
}

// Flags implements source.View.
func (v *view) Flags(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return v.Facts(ctx, uids)
}

// Facts implements source.View. Messages that the listing has as they are archived are asked for.
func (v *view) Facts(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		for first, end := range v.windows(uids) {
			if err := context.Cause(ctx); err != nil {
				yield(mail.Message{}, err)
				return
			}
			now, err := v.attributes(ctx, first, end)
			if err != nil {
				yield(mail.Message{}, err)
				return
			}
			for i, e := range now {
				if e != nil && !yield(v.message(v.listing.uids[first+i], e), nil) {
					return
				}
			}
		}
	}
}

// attributes returns the attributes of the messages with these indices; nil for those that are
// gone.
func (v *view) attributes(ctx context.Context, first, end int) ([]*attributes, error) {
	now := make([]*attributes, end-first)
	unknown := false
	for i, e := range v.listing.entries[first:end] {
		now[i] = e.attributes
		unknown = unknown || e.attributes == nil
	}
	if !unknown {
		return now, nil
	}
	found, err := v.describe(ctx, first, end, listed)
	if err != nil {
		return nil, err
	}
	var sets flagSets
	for i, e := range v.listing.entries[first:end] {
		if f := found[e.id]; f != nil && v.listing.in(v.tree, f.Mailboxes) {
			now[i] = sets.entry(f).attributes
		}
	}
	return now, nil
}

// Changes implements source.View. It knows the changes of a listing that has them apart. Otherwise
// the facts of every message are compared: the server may be another one, where ids that are
// archived have other messages.
func (v *view) Changes(
	ctx context.Context, uids mail.UIDRange, since uint64, changed func(mail.Message) error,
) (gone mail.UIDSet, known bool, err error) {
	l := v.listing
	if l.since == 0 {
		return gone, false, source.ErrUnknownChanges
	}
	if since < l.since {
		return gone, false, fmt.Errorf("%w: the archive has an older state than the account was compared with",
			mail.ErrRefused)
	}
	first, end := l.span(uids)
	for at := first; at < end; at++ {
		if e := l.entries[at]; e.attributes != nil {
			if err := changed(v.message(l.uids[at], e.attributes)); err != nil {
				return gone, false, err
			}
		}
	}
	return l.gone.In(uids), true, context.Cause(ctx)
}

// UIDs implements source.View.
func (v *view) UIDs(_ context.Context, uids mail.UIDRange) (mail.UIDSet, error) {
	first, end := v.listing.span(uids)
	return mail.UIDs(slices.Clone(v.listing.uids[first:end])...), nil
}

// Ranges implements source.View. JMAP has none, so a message that may be archived elsewhere is
// downloaded.
func (*view) Ranges(context.Context, []source.Range, func(source.Range, []byte) error) error {
	return nil
}
