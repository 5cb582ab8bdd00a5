package archivetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

type view struct {
	account *Account
	mailbox *Mailbox
	status  mail.Status
	broken  bool
}

func (v *view) Status() mail.Status      { return v.status }
func (v *view) PermanentFlags() []string { return nil }

func (v *view) Expect(mail.UIDRange) {}

func (v *view) Close() error {
	if v.account.Tokens != nil {
		<-v.account.Tokens
	}
	return nil
}

func (v *view) in(uids mail.UIDRange) []*Message {
	v.account.Mu.Lock()
	defer v.account.Mu.Unlock()
	first, _ := slices.BinarySearchFunc(v.mailbox.Messages, uids.First, func(m *Message, uid mail.UID) int { return cmp.Compare(m.UID, uid) })
	var found []*Message
	for _, m := range v.mailbox.Messages[first:] {
		if !uids.Contains(m.UID) {
			break
		}
		if v.account.Hidden[m.UID] {
			continue
		}
		c := *m
		found = append(found, &c)
	}
	return found
}

func (v *view) Messages(_ context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		if v.broken {
			yield(mail.Message{}, fmt.Errorf("%w: connection lost", mail.ErrTemporary))
			return
		}
		for _, m := range v.in(uids) {
			message := mail.Message{
				UID: m.UID, Flags: m.Flags, Internal: mail.ParseDate(m.Date),
				Size: cmp.Or(m.Size, int64(len(m.Body))),
			}
			if v.account.IDsOf != nil {
				message.IDs = v.account.IDsOf(m.ID)
			}
			if !yield(message, nil) {
				return
			}
		}
	}
}

func (v *view) Flags(_ context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	v.account.Mu.Lock()
	v.account.FlagReads++
	v.account.Mu.Unlock()
	return func(yield func(mail.Message, error) bool) {
		for _, m := range v.in(uids) {
			if !yield(mail.Message{UID: m.UID, Flags: m.Flags}, nil) {
				return
			}
		}
	}
}

func (v *view) Facts(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	v.account.Mu.Lock()
	v.account.FlagReads++
	v.account.Mu.Unlock()
	return func(yield func(mail.Message, error) bool) {
		if v.account.OnFacts != nil {
			if err := v.account.OnFacts(v.mailbox.Name); err != nil {
				v.broken = true
				yield(mail.Message{}, err)
				return
			}
		}
		for m, err := range v.Messages(ctx, uids) {
			m.IDs = mail.IDs{}
			if !yield(m, err) {
				return
			}
		}
	}
}

func (v *view) Changes(
	_ context.Context, uids mail.UIDRange, since uint64, changed func(mail.Message) error,
) (gone mail.UIDSet, known bool, err error) {
	for _, m := range v.in(uids) {
		if m.Modseq > since {
			if err := changed(mail.Message{UID: m.UID, Flags: m.Flags}); err != nil {
				return gone, false, err
			}
		}
	}
	v.account.Mu.Lock()
	defer v.account.Mu.Unlock()
	for uid, modseq := range v.mailbox.gone {
		if modseq > since && uids.Contains(uid) {
			gone.Add(uid)
		}
	}
	return gone, v.account.Qresync, nil
}

func (v *view) UIDs(_ context.Context, uids mail.UIDRange) (set mail.UIDSet, err error) {
	for _, m := range v.in(uids) {
		set.Add(m.UID)
	}
	return set, nil
}

func (v *view) Bodies(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	if ctx.Err() != nil { // as with a server: nothing is asked of it any more
		return context.Cause(ctx)
	}
	for _, wanted := range messages {
		if v.broken {
			return fmt.Errorf("%w: connection lost", mail.ErrTemporary)
		}
		for _, m := range v.in(mail.UIDRange{First: wanted.UID, Last: wanted.UID}) {
			if err := v.body(m, read); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *view) body(m *Message, read func(mail.UID, io.Reader) error) error {
	v.account.Mu.Lock()
	v.account.Bodies++
	fault := v.account.OnBody
	v.account.Mu.Unlock()
	if fault != nil {
		err := fault(v.mailbox.Name, m.UID)
		switch {
		case errors.Is(err, ErrLeaveOut):
			return nil
		case errors.Is(err, mail.ErrTemporary):
			v.broken = true
			cut := io.MultiReader(bytes.NewReader(m.Body[:len(m.Body)/2]), failing{err})
			return errors.Join(err, read(m.UID, cut))
		case err != nil:
			return err
		}
	}
	if v.account.Empty[m.UID] {
		return read(m.UID, bytes.NewReader(nil))
	}
	return read(m.UID, bytes.NewReader(m.Body))
}

func (v *view) Ranges(_ context.Context, wanted []source.Range, read func(source.Range, []byte) error) error {
	for _, s := range wanted {
		v.account.Mu.Lock()
		v.account.Ranges++
		fault := v.account.OnRanges
		v.account.Mu.Unlock()
		if fault != nil {
			if err := fault(); err != nil {
				v.broken = errors.Is(err, mail.ErrTemporary)
				return err
			}
		}
		for _, m := range v.in(mail.UIDRange{First: s.UID, Last: s.UID}) {
			size := int64(len(m.Body))
			if err := read(s, m.Body[min(s.Offset, size):min(s.Offset+s.Length, size)]); err != nil {
				return err
			}
		}
	}
	return nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
