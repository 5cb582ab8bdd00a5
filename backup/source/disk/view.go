package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// view is a folder that is open for reading.
type view struct {
	folder  *numberedFolder
	listing *listing
	closed  bool
}

var _ source.View = (*view)(nil)

// Status implements source.View.
func (v *view) Status() mail.Status { return v.listing.status }

// PermanentFlags implements source.View.
func (*view) PermanentFlags() []string { return nil }

// Expect implements source.View.
func (*view) Expect(mail.UIDRange) {}

// Close implements source.View.
func (v *view) Close() error {
	if !v.closed {
		v.closed = true
		v.folder.close()
	}
	return nil
}

// maxMoves is how often a message may be elsewhere than where it was listed. A change of flags
// renames a file of a Maildir.
const maxMoves = 20

// errMoves is the reason for a message that moves each time.
var errMoves = &refusedError{errors.New("its file was renamed or changed each time it was read")}

// with calls do with the message of a UID, and again if it moved. found is false if it is gone.
func (v *view) with(ctx context.Context, uid mail.UID, do func(*Message) error) (found bool, err error) {
	for range maxMoves {
		message := v.listing.find(uid)
		if message == nil {
			return false, nil
		}
		if err = do(message); !errors.Is(err, fs.ErrNotExist) {
			return true, err
		}
		if err := context.Cause(ctx); err != nil {
			return false, err
		}
		l, errList := v.folder.refresh(ctx, v.listing)
		if errList != nil {
			return false, errList
		}
		v.listing = l
	}
	return true, errMoves
}

// each yields the messages of a range. attributes completes them; nil: UID and flags are enough. A
// message whose attributes cannot be read is yielded without them, so that reading it fails.
func (v *view) each(
	ctx context.Context, uids mail.UIDRange, attributes func(*Message, *mail.Message) error,
) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		l := v.listing
		first, end := l.span(uids)
		for at := first; at < end; at++ {
			if err := context.Cause(ctx); err != nil {
				yield(mail.Message{}, err)
				return
			}
			var m mail.Message
			found, err := v.with(ctx, l.uids[at], func(message *Message) error {
				m = mail.Message{Size: -1}
				var err error
				if attributes != nil {
					err = attributes(message, &m)
				}
				m.UID, m.Flags, m.Labels = l.uids[at], message.Flags, message.Labels
				return err
			})
			if !found && err == nil {
				continue
			}
			if err != nil && ctx.Err() != nil {
				yield(mail.Message{}, context.Cause(ctx))
				return
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// Messages implements source.View.
func (v *view) Messages(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return v.each(ctx, uids, func(message *Message, m *mail.Message) error {
		described, err := v.folder.files.Describe(ctx, message)
		if err == nil {
			*m = described
		}
		return err
	})
}

// Flags implements source.View.
func (v *view) Flags(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return v.each(ctx, uids, nil)
}

// Facts implements source.View.
func (v *view) Facts(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return v.each(ctx, uids, func(message *Message, m *mail.Message) (err error) {
		m.Size, m.Internal, err = v.folder.files.Facts(ctx, message)
		return err
	})
}

// Changes implements source.View. Files have no mod-sequences of their own, so every message may
// have changed.
func (v *view) Changes(
	ctx context.Context, uids mail.UIDRange, _ uint64, changed func(mail.Message) error,
) (mail.UIDSet, bool, error) {
	for m, err := range v.Flags(ctx, uids) {
		if err == nil {
			err = changed(m)
		}
		if err != nil {
			return mail.UIDSet{}, false, err
		}
	}
	return mail.UIDSet{}, false, nil
}

// UIDs implements source.View.
func (v *view) UIDs(_ context.Context, uids mail.UIDRange) (mail.UIDSet, error) {
	var set mail.UIDSet
	first, end := v.listing.span(uids)
	for _, uid := range v.listing.uids[first:end] {
		set.Add(uid)
	}
	return set, nil
}

// Bodies implements source.View. A message that cannot be read is left out, with an error at the
// end.
func (v *view) Bodies(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	var unread error
	for _, m := range messages {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		_, err := v.with(ctx, m.UID, func(message *Message) error {
			body, err := v.folder.files.Open(ctx, message)
			if err != nil {
				return err
			}
			defer body.Close()
			err = source.ReadBody(m.UID, body, read)
			if own := (*source.ReaderError)(nil); err != nil && !errors.As(err, &own) {
				err = &brokenError{err}
			}
			return err
		})
		if own := (*source.ReaderError)(nil); errors.As(err, &own) {
			return own.Err
		}
		if err != nil {
			if errors.Is(err, mail.ErrTemporary) {
				return err
			}
			unread = &refusedError{err}
		}
	}
	return unread
}

// brokenError is an error of a file that was begun: fs.ErrNotExist means something else there.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Is(target error) bool {
	return target == mail.ErrTemporary && errors.Is(e.err, mail.ErrTemporary)
}

// Ranges implements source.View. The ranges of one message follow each other, and the message is
// read once for them.
func (v *view) Ranges(ctx context.Context, wanted []source.Range, read func(source.Range, []byte) error) error {
	for len(wanted) > 0 {
		n, end := 1, wanted[0].Offset+wanted[0].Length
		for n < len(wanted) && wanted[n].UID == wanted[0].UID {
			end = max(end, wanted[n].Offset+wanted[n].Length)
			n++
		}
		if err := v.rangesOf(ctx, wanted[:n], end, read); err != nil {
			return err
		}
		wanted = wanted[n:]
	}
	return nil
}

// rangesOf reads ranges of one message, which end at or before end.
func (v *view) rangesOf(
	ctx context.Context, wanted []source.Range, end int64, read func(source.Range, []byte) error,
) error {
	parts := make([][]byte, len(wanted))
	found, err := v.with(ctx, wanted[0].UID, func(message *Message) error {
		body, err := v.folder.files.Open(ctx, message)
		if err != nil {
			return err
		}
		defer body.Close()
		for i := range parts {
			parts[i] = nil
		}
		buf := make([]byte, 32<<10)
		for at := int64(0); at < end; {
			n, err := body.Read(buf[:min(int64(len(buf)), end-at)])
			for i, r := range wanted {
				from, to := max(r.Offset, at), min(r.Offset+r.Length, at+int64(n))
				if from < to {
					parts[i] = append(parts[i], buf[from-at:to-at]...)
				}
			}
			at += int64(n)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return &brokenError{err}
			}
		}
		return nil
	})
	if err != nil || !found {
		return context.Cause(ctx) // the message is not proven, and is read
	}
	for i, r := range wanted {
		if err := read(r, parts[i]); err != nil {
			return err
		}
	}
	return nil
}
