package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// download brings messages from one seat into the repository. It gets every message that can be had, however often the
// connection breaks, and tells which cannot.
type download struct {
	seat   *seat
	keeper *keeper
	done   func(bytes int64) // told of each message that was kept

	got      map[mail.UID]kept
	dropped  map[mail.UID]int // how often the connection was lost while this message was read alone
	failures []manifest.Failure
}

// dropsAlone is how often a message may cost the connection, read alone, until it is taken for the cause (a damaged
// message makes Dovecot say BYE in the middle of the FETCH, each time).
const dropsAlone = 2

// fetch downloads the messages. Afterwards each is in d.got, or in d.failures, or gone from the server.
func (d *download) fetch(ctx context.Context, messages []mail.Message) error {
	batches := [][]mail.Message{messages}
	for len(batches) > 0 {
		batch := batches[len(batches)-1]
		batches = batches[:len(batches)-1]
		err := d.bodies(ctx, batch)
		left := d.missing(batch)
		switch {
		case err == nil && len(left) == 0:
		case err == nil || errors.Is(err, ErrRefused):
			if err := d.singly(ctx, left, err); err != nil {
				return err
			}
		case errors.Is(err, ErrTemporary):
			d.seat.leave() // and opened again, for which a seat has patience
			if err := pause(ctx, backoff(1, err)); err != nil {
				return err
			}
			batches = append(batches, d.halves(left, err)...)
		default:
			return err
		}
	}
	return nil
}

// halves is how to go on after the connection was lost: what is left in two halves, the first on top, so that a message
// that costs the connection each time is soon alone; and alone twice it is a failure.
func (d *download) halves(left []mail.Message, cause error) [][]mail.Message {
	if len(left) == 0 {
		return nil
	}
	if len(left) > 1 {
		half := len(left) / 2
		return [][]mail.Message{left[half:], left[:half]}
	}
	uid := left[0].UID
	d.dropped[uid]++
	if d.dropped[uid] >= dropsAlone {
		d.fail(uid, fmt.Errorf("the connection was lost each time it was read: %w", cause))
		return nil
	}
	return [][]mail.Message{left}
}

// singly looks in a fresh view for messages that the server left out or refused: gone is gone; what is there is tried
// once more alone, and then is a failure.
func (d *download) singly(ctx context.Context, left []mail.Message, cause error) error {
	d.seat.leave()
	for _, message := range left {
		present, err := d.present(ctx, message.UID)
		if err != nil {
			return err
		}
		if !present {
			continue
		}
		err = d.bodies(ctx, []mail.Message{message})
		if _, ok := d.got[message.UID]; ok {
			continue
		}
		switch {
		case errors.Is(err, ErrTemporary):
			d.seat.leave()
			d.fail(message.UID, fmt.Errorf("the server left it out, and then the connection was lost: %w", err))
		case errors.Is(err, ErrRefused):
			d.fail(message.UID, err)
		case err != nil:
			return err
		case cause != nil:
			d.fail(message.UID, cause)
		default:
			d.fail(message.UID, errors.New("the server lists it but does not deliver it"))
		}
	}
	return nil
}

// present asks for the message's flags, not by SEARCH: iCloud has been seen to answer SEARCH with nothing.
func (d *download) present(ctx context.Context, uid mail.UID) (bool, error) {
	present := false
	err := d.seat.ask(ctx, func(view View) error {
		for message, err := range view.Flags(ctx, mail.UIDRange{First: uid, Last: uid}) {
			if err != nil {
				return err
			}
			present = present || message.UID == uid
		}
		return nil
	})
	return present, err
}

// bodies asks once for the messages and keeps what comes.
func (d *download) bodies(ctx context.Context, messages []mail.Message) error {
	view, err := d.seat.open(ctx)
	if err != nil {
		return err
	}
	return view.Bodies(ctx, messages, func(uid mail.UID, body io.Reader) error {
		if _, again := d.got[uid]; again {
			_, err := io.Copy(io.Discard, body)
			return err
		}
		stored, err := d.keeper.keep(ctx, body)
		if err != nil {
			return err
		}
		d.got[uid] = stored
		d.done(stored.size)
		return nil
	})
}

func (d *download) missing(messages []mail.Message) []mail.Message {
	var left []mail.Message
	for _, message := range messages {
		if _, ok := d.got[message.UID]; !ok {
			left = append(left, message)
		}
	}
	return left
}

func (d *download) fail(uid mail.UID, reason error) {
	d.failures = append(d.failures, manifest.Failure{Mailbox: d.seat.mailbox.Raw, UID: uid, Reason: reason.Error()})
}
