package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// download brings messages from one session into the repository. It gets every message that can be had, however often the
// connection breaks, and tells which cannot.
type download struct {
	session   *source.Session
	server    string // of the account
	filer     *archive.Filer
	spilt     *spilt            // what need not be downloaded again
	done      func(bytes int64) // told of each message that was kept
	allowance *allowance
	tooLarge  *atomic.Int64 // of the whole account, messages that are too large

	got      map[mail.UID]archive.Filed
	strikes  map[mail.UID]strike
	failures []manifest.Failure
	erased   mail.UIDSet // messages that came and are left out, because they were erased from the repository

	queue     [][]mail.Message // what is still to be asked for, in batches
	fruitless int              // attempts in a row that gave nothing
}

// strike is what counts against a message: attempts to read it alone that failed.
type strike struct {
	n     int
	since int // how many messages had been kept by then
}

const (
	// strikesMost is how often a message may fail, read alone, until it is given up.
	strikesMost = 2

	// fruitlessMost is how many attempts in a row may give nothing until the server is taken to be out of order, and not
	// the messages: with the waits between them, some minutes.
	fruitlessMost = 10

	// fruitlessProof is how many such attempts count against a message when there is no other to try.
	fruitlessProof = 5

	// tooLargeMost is how many messages of an account may be too large in a run until its server is taken to be at fault,
	// and not the messages. Each costs a connection.
	tooLargeMost = 100
)

func newDownload(w *walk, session *source.Session, filer *archive.Filer) *download {
	return &download{session: session, server: identity.Server(w.account.URL), filer: filer, spilt: w.spilt, done: w.advance, allowance: w.allowance, tooLarge: &w.tooLarge,
		got: make(map[mail.UID]archive.Filed), strikes: make(map[mail.UID]strike)}
}

// fetch downloads the messages. Afterwards each is in d.got, or in d.failures, or gone from the server; or else there was
// no room for it in the budget, and the error is errSpent.
func (d *download) fetch(ctx context.Context, messages []mail.Message) error {
	messages = d.recall(messages)
	affordable := d.allowance.afford(messages)
	if len(affordable) > 0 {
		d.queue = append(d.queue, affordable)
	}
	for len(d.queue) > 0 {
		batch := d.queue[0]
		d.queue = d.queue[1:]
		view, err := d.session.Open(ctx) // has patience of its own; without a connection nothing counts against a message
		if err != nil {
			return err
		}
		before := d.came()
		err = d.bodies(ctx, view, batch)
		if d.fruitless++; d.came() > before {
			d.fruitless = 0
		}
		if err := d.judge(ctx, batch, err); err != nil {
			return err
		}
	}
	if len(affordable) < len(messages) {
		return errSpent
	}
	return nil
}

// recall takes what a run that was killed had downloaded, and gives what is still to be asked for.
func (d *download) recall(messages []mail.Message) (left []mail.Message) {
	for _, message := range messages {
		stored, ok := d.spilt.take(spillKey(d.session, d.server, message))
		if !ok || !isBody(stored.Size, message.Size) {
			left = append(left, message)
			continue
		}
		d.got[message.UID] = stored
		d.done(stored.Size)
	}
	return left
}

// judge decides how to go on with what a batch left.
func (d *download) judge(ctx context.Context, batch []mail.Message, err error) error {
	left := d.missing(batch)
	var large *mail.TooLargeError
	switch {
	case errors.As(err, &large):
		return d.leaveOutLarge(left, large)
	case err == nil || errors.Is(err, mail.ErrRefused):
		return d.leftOut(ctx, batch, left, err)
	case !source.IsTransient(err):
		return err
	case d.fruitless >= fruitlessMost:
		return fmt.Errorf("%d attempts in a row gave nothing: %w", d.fruitless, err)
	}
	d.session.Release()
	if err := d.session.Pause(ctx, max(1, d.fruitless), err); err != nil {
		return err
	}
	d.queue = append(d.queue, d.suspects(batch, left, err)...)
	return nil
}

// leaveOutLarge makes a failure of a message that is too large, and asks for the others on another connection. Where the
// server did not say which message it was, the others are asked for in halves, until it is alone.
func (d *download) leaveOutLarge(left []mail.Message, large *mail.TooLargeError) error {
	d.session.Release()
	d.fruitless = 0 // the server works
	if len(left) == 0 {
		return nil
	}
	at := slices.IndexFunc(left, func(m mail.Message) bool { return m.UID == large.UID })
	if len(left) == 1 {
		at = 0
	}
	if at < 0 {
		half := len(left) / 2
		d.queue = append(d.queue, left[:half], left[half:])
		return nil
	}
	if d.tooLarge.Add(1) > tooLargeMost {
		return fmt.Errorf("%w: more than %d messages that are too large, the last of %d bytes", mail.ErrFlood, tooLargeMost, large.Size)
	}
	d.failures = append(d.failures, manifest.Failure{Mailbox: d.session.Mailbox.Raw, UID: left[at].UID, Reason: large.Error()})
	if others := slices.Delete(slices.Clone(left), at, at+1); len(others) > 0 {
		d.queue = append(d.queue, others)
	}
	return nil
}

// suspects is how to go on after the connection was lost or the server asked for patience: if something came, the first
// that did not come is suspect and goes alone, behind all others; if nothing came, in halves. So a message that costs the
// connection each time (a damaged one makes Dovecot say BYE in the middle of the FETCH) is soon alone.
func (d *download) suspects(batch, left []mail.Message, cause error) [][]mail.Message {
	switch {
	case len(left) == 0:
		return nil
	case len(left) == 1:
		return d.strike(left[0], fmt.Errorf("the connection was lost each time it was read: %w", cause))
	case len(left) < len(batch):
		return [][]mail.Message{left[1:], left[:1]}
	}
	half := len(left) / 2
	return [][]mail.Message{left[:half], left[half:]}
}

// strike counts an attempt against a message that was read alone: it is tried again, or given up if others could be read
// meanwhile, or the server has had its time.
func (d *download) strike(message mail.Message, reason error) [][]mail.Message {
	s, again := d.strikes[message.UID]
	if !again {
		s.since = d.came()
	}
	s.n++
	d.strikes[message.UID] = s
	if s.n >= strikesMost && (d.came() > s.since || d.fruitless >= fruitlessProof || errors.Is(reason, errLeftOut)) {
		d.failures = append(d.failures, manifest.Failure{Mailbox: d.session.Mailbox.Raw, UID: message.UID, Reason: reason.Error()})
		return nil
	}
	return [][]mail.Message{{message}}
}

// errLeftOut: the server answered, and without this message.
var errLeftOut = errors.New("the server lists it but does not deliver it")

// leftOut looks in a fresh view for messages that the server left out or refused: gone is gone; what is there is tried
// once more alone, and then is a failure.
func (d *download) leftOut(ctx context.Context, batch, left []mail.Message, refusal error) error {
	if len(left) == 0 {
		return nil
	}
	d.session.Release()
	for _, message := range left {
		present, err := d.present(ctx, message.UID)
		if err != nil {
			return err
		}
		if !present {
			continue
		}
		reason := errLeftOut
		if refusal != nil {
			reason = fmt.Errorf("%w: %w", errLeftOut, refusal)
		}
		if len(batch) > 1 {
			d.queue = append(d.queue, []mail.Message{message})
		} else {
			d.queue = append(d.queue, d.strike(message, reason)...)
		}
	}
	return nil
}

// present asks for the message's flags, not by SEARCH: iCloud has been seen to answer SEARCH with nothing.
func (d *download) present(ctx context.Context, uid mail.UID) (bool, error) {
	present := false
	err := d.session.Ask(ctx, func(view source.View) error {
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

// isBody reports whether what came can be the body of a message of which the server told a size. An empty one is none
// where there should be something: so some servers answer for a message that they cannot read.
func isBody(size, told int64) bool { return size > 0 || told <= 0 }

// bodies asks once for the messages and keeps what comes.
func (d *download) bodies(ctx context.Context, view source.View, messages []mail.Message) error {
	asked := make(map[mail.UID]mail.Message, len(messages))
	for _, message := range messages {
		asked[message.UID] = message
	}
	return view.Bodies(ctx, messages, func(uid mail.UID, body io.Reader) error {
		if _, again := d.got[uid]; again || d.erased.Contains(uid) {
			_, err := io.Copy(io.Discard, body)
			return err
		}
		message := asked[uid]
		stored, err := d.filer.File(ctx, spillKey(d.session, d.server, message), archive.ProbedSize(message), body)
		if errors.Is(err, repo.ErrErased) {
			d.erased.Add(uid)
			return nil
		}
		if err != nil {
			return err
		}
		if isBody(stored.Size, message.Size) {
			d.got[uid] = stored
			d.done(stored.Size)
		}
		return nil
	})
}

// came counts the messages that have come.
func (d *download) came() int { return len(d.got) + int(d.erased.Len()) }

func (d *download) missing(messages []mail.Message) []mail.Message {
	var left []mail.Message
	for _, message := range messages {
		if _, ok := d.got[message.UID]; !ok && !d.erased.Contains(message.UID) {
			left = append(left, message)
		}
	}
	return left
}
