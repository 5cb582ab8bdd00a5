package jmaprestore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Target is an account that is restored into. It adds messages and mailboxes, and puts messages
// into further mailboxes. Only a Mirror removes and changes something.
type Target struct {
	client *jmap.Client
	waits  retry.Budget // that the server asked for

	uploaded bool // something was uploaded; Parallel is 1, so one goroutine at a time looks
	hasher   func() *chunk.Hasher

	mu       sync.Mutex
	existing *existing         // nil: not read yet
	firsts   map[string]string // the mailbox that required a message first, by id of the message
}

var (
	_ restore.Target    = (*Target)(nil)
	_ restore.Informed  = (*Target)(nil)
	_ restore.Previewer = (*Target)(nil)
)

// New returns an account as a target. It does not connect yet. waiting is called before a wait that
// the server asked for; it may be nil.
func New(client *jmap.Client, waiting func(time.Duration, error)) *Target {
	return &Target{client: client, firsts: make(map[string]string), waits: retry.Budget{Report: waiting}}
}

// Inform implements restore.Informed.
func (t *Target) Inform(with restore.ArchiveInfo) { t.hasher = with.Hasher }

// Parallel implements restore.Target. A message of several mailboxes is added once, so one mailbox
// comes after the other; the messages of a batch are uploaded in parallel.
func (*Target) Parallel() int { return 1 }

// Close implements restore.Target.
func (t *Target) Close() error { return t.client.Close() }

// Open implements restore.Target.
func (t *Target) Open(_ context.Context, place restore.Place) (restore.Folder, error) {
	return newFolder(t, place.Name), nil
}

// OpenRead implements restore.Previewer.
func (t *Target) OpenRead(_ context.Context, place restore.Place) (restore.ReadFolder, error) {
	return newFolder(t, place.Name), nil
}

// maxAttempts is how often in a row a request may fail: with the waits in between, about ten
// minutes.
const maxAttempts = 10

var backoff = retry.Backoff{First: 250 * time.Millisecond, Longest: 2 * time.Minute}

// retry calls try until it succeeds, while its error may pass.
func (t *Target) retry(ctx context.Context, try func() error) error {
	for attempt := 1; ; attempt++ {
		err := try()
		if err == nil || !errors.Is(err, mail.ErrTemporary) || attempt == maxAttempts || ctx.Err() != nil {
			return err
		}
		if err := t.pause(ctx, attempt, err); err != nil {
			return err
		}
	}
}

// pause waits after so many failed attempts in a row.
func (t *Target) pause(ctx context.Context, attempt int, cause error) error {
	wait := retry.Suggested(cause)
	if wait == 0 {
		return retry.Sleep(ctx, backoff.Wait(attempt))
	}
	if err := t.waits.Spend(wait, cause); err != nil {
		return err
	}
	return retry.Sleep(ctx, wait)
}

// one sends a call that may be repeated, and tries again while its error may pass.
func (t *Target) one(ctx context.Context, method string, args map[string]any, result any) error {
	return t.retry(ctx, func() error { return t.client.One(ctx, method, args, result) })
}
