package fetch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Shared holds what all downloads of an account share.
type Shared struct {
	Server    string            // the server that the recovery log's keys belong to (identity.Server)
	Quota     *quota.Quota      // bounds what is downloaded
	Recovered *Recovered        // messages that need no download
	Done      func(bytes int64) // called for each message that was stored

	tooLarge atomic.Int64 // counts messages that are too large
}

// Downloader fetches the bodies of messages through one session and stores them in the repository.
// It gets every message that the server delivers, however often the connection breaks, and lists
// the others in Failures.
type Downloader struct {
	Got          map[mail.UID]ingest.Stored
	Failures     []manifest.Failure
	Erased       mail.UIDSet // messages that are left out because they were erased from the repository
	UseRecovered bool        // whether to use Shared.Recovered
	Quiet        bool        // do not call Shared.Done

	Next mail.UIDRange // the messages that are listed after these: the first request announces them

	shared  *Shared
	session *source.Session
	writer  *ingest.MessageWriter

	attempts map[mail.UID]attempts
	queue    [][]mail.Message // batches that are still to be requested
	stalls   int              // requests in a row that brought nothing
}

// attempts counts the failed attempts to read a message alone.
type attempts struct {
	n     int
	since int // messages received before the first of them
}

const (
	// maxAttempts is how often reading a message alone may fail before the message becomes a
	// failure.
	maxAttempts = 2

	// maxStalls is how many requests in a row may bring nothing. After that the server is at fault
	// and not the messages. With the waits in between, this takes some minutes.
	maxStalls = 10

	// provingStalls is how many such requests count against a message if there is no other message
	// to try.
	provingStalls = 5

	// maxTooLarge is how many messages of an account may be too large in a run. After that the
	// server is at fault and not the messages. Each one costs a connection.
	maxTooLarge = 100
)

// NewDownloader returns a Downloader that has fetched nothing yet.
func NewDownloader(shared *Shared, session *source.Session, writer *ingest.MessageWriter) *Downloader {
	return &Downloader{shared: shared, session: session, writer: writer,
		Got: make(map[mail.UID]ingest.Stored), attempts: make(map[mail.UID]attempts)}
}

// Fetch fetches messages. Each one ends up in d.Got, d.Erased or d.Failures, or is gone from the
// server. If the quota has no room for all of them, Fetch returns quota.ErrSpent.
func (d *Downloader) Fetch(ctx context.Context, messages []mail.Message) error {
	messages = d.reuse(messages)
	affordable := d.shared.Quota.Afford(messages)
	if len(affordable) > 0 {
		d.queue = append(d.queue, affordable)
	}
	for len(d.queue) > 0 {
		batch := d.queue[0]
		d.queue = d.queue[1:]
		view, err := d.session.Open(ctx) // retries on its own; without a connection nothing counts against a message
		if err != nil {
			return err
		}
		before := d.received()
		err = d.request(ctx, view, batch)
		if d.stalls++; d.received() > before {
			d.stalls = 0
		}
		if err := d.handle(ctx, batch, err); err != nil {
			return err
		}
	}
	if len(affordable) < len(messages) {
		return quota.ErrSpent
	}
	return nil
}

// reuse takes the messages that were recovered from an interrupted run, and returns the others.
func (d *Downloader) reuse(messages []mail.Message) (left []mail.Message) {
	if !d.UseRecovered {
		return messages
	}
	for _, message := range messages {
		stored, ok := d.shared.Recovered.take(recoveryKey(d.session, d.shared.Server, message))
		if !ok || !isBody(stored.Size, message.Size) {
			left = append(left, message)
			continue
		}
		d.Got[message.UID] = stored
		d.done(stored.Size)
	}
	return left
}

// handle decides how to go on after a batch was requested.
func (d *Downloader) handle(ctx context.Context, batch []mail.Message, err error) error {
	left := d.missing(batch)
	var large *mail.TooLargeError
	switch {
	case errors.As(err, &large):
		return d.failTooLarge(left, large)
	case err == nil || errors.Is(err, mail.ErrRefused):
		return d.retryMissing(ctx, batch, left, err)
	case !source.IsTransient(err):
		return err
	case d.stalls >= maxStalls:
		return fmt.Errorf("%d requests in a row brought nothing: %w", d.stalls, err)
	}
	d.session.Release()
	if err := d.session.Pause(ctx, max(1, d.stalls), err); err != nil {
		return err
	}
	d.queue = append(d.queue, d.retryBatches(batch, left, err)...)
	return nil
}

// failTooLarge makes a failure of a message that is too large, and queues the others for another
// connection. If the server did not say which message it was, failTooLarge halves the batch until
// the message is alone.
func (d *Downloader) failTooLarge(left []mail.Message, large *mail.TooLargeError) error {
	d.session.Release()
	d.stalls = 0 // the server works
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
	if d.shared.tooLarge.Add(1) > maxTooLarge {
		return fmt.Errorf("%w: more than %d messages are too large, the last one with %d bytes",
			mail.ErrFlood, maxTooLarge, large.Size)
	}
	d.fail(left[at].UID, large)
	if others := slices.Delete(slices.Clone(left), at, at+1); len(others) > 0 {
		d.queue = append(d.queue, others)
	}
	return nil
}

// retryBatches returns the batches to request after the connection was lost or the server asked to
// wait. If some messages came, the first one that did not come is suspect and goes alone, after all
// others. If none came, the batch is halved. So a message that costs the connection each time is
// soon alone. (A damaged message makes Dovecot say BYE in the middle of the FETCH.)
func (d *Downloader) retryBatches(batch, left []mail.Message, cause error) [][]mail.Message {
	switch {
	case len(left) == 0:
		return nil
	case len(left) == 1:
		return d.retryAlone(left[0], cause)
	case len(left) < len(batch):
		return [][]mail.Message{left[1:], left[:1]}
	}
	half := len(left) / 2
	return [][]mail.Message{left[:half], left[half:]}
}

// retryAlone counts a failed attempt to read a message alone, and returns the batch to try it
// again. reason is the error of that attempt. From maxAttempts on, the message becomes a failure
// instead if it must be at fault: other messages came in the meantime, provingStalls requests in a
// row brought nothing, or the server answers without the message.
func (d *Downloader) retryAlone(message mail.Message, reason error) [][]mail.Message {
	a, again := d.attempts[message.UID]
	if !again {
		a.since = d.received()
	}
	a.n++
	d.attempts[message.UID] = a
	if a.n >= maxAttempts &&
		(d.received() > a.since || d.stalls >= provingStalls || errors.Is(reason, errNotDelivered)) {
		d.fail(message.UID, fmt.Errorf("it could not be read in %d attempts: %w", a.n, reason))
		return nil
	}
	return [][]mail.Message{{message}}
}

func (d *Downloader) fail(uid mail.UID, reason error) {
	d.Failures = append(d.Failures, manifest.Failure{Mailbox: d.session.Mailbox.Raw, UID: uid, Reason: reason.Error()})
}

// errNotDelivered is the reason for a message that the server lists and leaves out of its answer.
var errNotDelivered = errors.New("the server lists it but does not deliver it")

// retryMissing looks in a fresh view for messages that the server left out or refused. Messages
// that are gone are dropped. The others are requested once more, each alone, before they become
// failures.
func (d *Downloader) retryMissing(ctx context.Context, batch, left []mail.Message, refusal error) error {
	if len(left) == 0 {
		return nil
	}
	d.session.Release()
	for _, message := range left {
		present, err := d.isPresent(ctx, message.UID)
		if err != nil {
			return err
		}
		if !present {
			continue
		}
		reason := errNotDelivered
		if refusal != nil {
			reason = fmt.Errorf("%w: %w", errNotDelivered, refusal)
		}
		if len(batch) > 1 {
			d.queue = append(d.queue, []mail.Message{message})
		} else {
			d.queue = append(d.queue, d.retryAlone(message, reason)...)
		}
	}
	return nil
}

// isPresent asks for the flags of the message. It does not use SEARCH, because iCloud sometimes
// answers SEARCH with nothing.
func (d *Downloader) isPresent(ctx context.Context, uid mail.UID) (bool, error) {
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

// isBody reports whether a body of this size can be that of a message with that RFC822.SIZE. Some
// servers send an empty body for a message that they cannot read.
func isBody(size, serverSize int64) bool { return size > 0 || serverSize <= 0 }

// request asks once for the messages and stores those that come.
func (d *Downloader) request(ctx context.Context, view source.View, messages []mail.Message) error {
	asked := make(map[mail.UID]mail.Message, len(messages))
	for _, message := range messages {
		asked[message.UID] = message
	}
	if d.Next.First > 0 {
		view.Expect(d.Next)
		d.Next = mail.UIDRange{}
	}
	return view.Bodies(ctx, messages, func(uid mail.UID, body io.Reader) error {
		if _, again := d.Got[uid]; again || d.Erased.Contains(uid) {
			_, err := io.Copy(io.Discard, body)
			return err
		}
		message := asked[uid]
		key := recoveryKey(d.session, d.shared.Server, message)
		stored, err := d.writer.Write(ctx, key, ingest.ProbedSize(message), body)
		if errors.Is(err, repo.ErrErased) {
			d.Erased.Add(uid)
			return nil
		}
		if err != nil {
			return err
		}
		if isBody(stored.Size, message.Size) {
			d.Got[uid] = stored
			d.done(stored.Size)
		}
		return nil
	})
}

func (d *Downloader) done(bytes int64) {
	if !d.Quiet {
		d.shared.Done(bytes)
	}
}

// received returns the number of messages that have come.
func (d *Downloader) received() int { return len(d.Got) + int(d.Erased.Len()) }

func (d *Downloader) missing(messages []mail.Message) []mail.Message {
	var left []mail.Message
	for _, message := range messages {
		if _, ok := d.Got[message.UID]; !ok && !d.Erased.Contains(message.UID) {
			left = append(left, message)
		}
	}
	return left
}

// recoveryKey returns the key of a message in the recovery log: its mailbox and UID, and everything
// that the server says about it that does not change. If the UID means another message now, some of
// this is likely to differ. There is no key if UIDs are only valid for a session.
func recoveryKey(session *source.Session, server string, m mail.Message) []byte {
	if session.Validity == 0 {
		return nil
	}
	key := binary.LittleEndian.AppendUint32(nil, session.Validity)
	key = binary.LittleEndian.AppendUint32(key, uint32(m.UID))
	key = binary.AppendVarint(key, m.Size)
	for _, date := range []mail.Date{m.Internal, m.Saved} {
		key = binary.AppendVarint(key, date.Seconds)
		key = binary.AppendVarint(key, int64(date.Zone))
		key = appendText(key, date.Raw)
	}
	ids := m.IDs
	for _, text := range []string{ids.Email, ids.Thread, ids.XGUID, ids.GMMsg, ids.GMThread, session.Mailbox.Raw, server} {
		key = appendText(key, text)
	}
	return key
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// Recovered holds the messages that were recovered from an interrupted run, by their keys in the
// recovery log. A nil Recovered is empty.
type Recovered struct {
	mu       sync.Mutex
	messages map[string]*recoveredMessage
}

type recoveredMessage struct {
	ingest.Stored
	taken bool
}

// Add adds a message.
func (r *Recovered) Add(key []byte, stored ingest.Stored) {
	if r.messages == nil {
		r.messages = make(map[string]*recoveredMessage)
	}
	r.messages[string(key)] = &recoveredMessage{Stored: stored}
}

// Len returns the number of messages.
func (r *Recovered) Len() int { return len(r.messages) }

// take returns a message, if there is one with this key.
func (r *Recovered) take(key []byte) (ingest.Stored, bool) {
	if r == nil {
		return ingest.Stored{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.messages[string(key)]
	if !ok {
		return ingest.Stored{}, false
	}
	m.taken = true
	return m.Stored, true
}

// Exhausted reports whether all messages were taken.
func (r *Recovered) Exhausted() bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if !m.taken {
			return false
		}
	}
	return true
}
