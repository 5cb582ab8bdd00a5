package backup

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// A checkpoint is a manifest of what a long run has so far. If the run does not complete, the next
// one continues from there. In a checkpoint, mailboxes that were not read yet are as they were
// archived before, and a mailbox that is half read has the messages that were read, and is not
// complete.
//
// A checkpoint is due after ten minutes, or after 256 MiB if half a minute has passed: over a fast
// connection it costs less to download 256 MiB again than to write a checkpoint. The recovery log
// has room for as much, and a run on the same host recovers what came after the checkpoint.
const (
	checkpointAge   = 10 * time.Minute
	checkpointBytes = 256 << 20
	checkpointPause = 30 * time.Second
)

// renewAfter is the age at which a run ends with a checkpoint, and another continues from it, long
// before the deadline of the run (docs/design/removing.md, rule 5).
const renewAfter = 6 * time.Hour

// errRenew ends a run that is too old. Another run continues from its checkpoint.
var errRenew = errors.New("the run is to be renewed")

// checkpoints decides when a checkpoint is written. It makes sure that no download is under way
// then, and that everything downloaded is recorded.
type checkpoints struct {
	mu           sync.Mutex
	noneFetching *sync.Cond // signals that fetching fell to 0
	fetching     int
	last         time.Time // when the last one was written, by this host's clock
	bytes        int64     // downloaded since
	written      bool      // in this run
	every        func(age time.Duration, bytes int64) bool
	full         func() bool // the recovery log has no room: downloads would be lost if the run were killed
}

func newCheckpoints(every func(time.Duration, int64) bool) *checkpoints {
	c := &checkpoints{last: time.Now(), every: every, full: func() bool { return false }}
	if every == nil {
		c.every = func(age time.Duration, bytes int64) bool {
			return age >= checkpointAge || bytes >= checkpointBytes && age >= checkpointPause
		}
	}
	c.noneFetching = sync.NewCond(&c.mu)
	return c
}

// due reports whether a checkpoint is due.
func (c *checkpoints) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isDue()
}

// isDue is due with the lock held. Without downloads there is nothing to write.
func (c *checkpoints) isDue() bool {
	age := time.Since(c.last)
	return c.bytes > 0 && (c.every(age, c.bytes) || age >= checkpointPause && c.full())
}

// downloaded counts a message, also an empty one.
func (c *checkpoints) downloaded(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += max(1, bytes)
}

// begin and end enclose the downloads of a mailbox.
func (c *checkpoints) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetching++
}

func (c *checkpoints) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fetching--; c.fetching == 0 {
		c.noneFetching.Broadcast()
	}
}

// checkpoint writes a checkpoint, unless another mailbox has done so since it was due. It waits
// until no download is under way: each one ends with its windows, because a checkpoint is due.
func (a *accountRun) checkpoint(ctx context.Context) error {
	c := a.checkpoints
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.fetching > 0 {
		c.noneFetching.Wait()
	}
	if !c.isDue() {
		return nil
	}
	graceful, done := grace.Context(ctx, interruptGrace)
	defer done()
	if _, _, err := a.writeCheckpoint(graceful); err != nil {
		return err
	}
	a.recovery.Clear(a.downloads.Recovered.Exhausted())
	c.last, c.bytes, c.written = time.Now(), 0, true
	now, err := a.run.Now(ctx)
	if err == nil && now.Sub(a.run.Start()) > renewAfter {
		return errRenew
	}
	return err
}

// writeCheckpoint commits what is recorded so far.
func (a *accountRun) writeCheckpoint(ctx context.Context) (repo.Head, *manifest.Manifest, error) {
	m, err := a.manifest(ctx, manifest.Checkpoint)
	if err != nil {
		return repo.Head{}, nil, err
	}
	head, err := a.commit(ctx, m)
	return head, m, err
}

// interruptGrace is how long an interrupted run goes on to save what was read.
const interruptGrace = 2 * time.Minute

// saveRest writes a last checkpoint after an error or an interruption, so that the next run need
// not download everything again. It reports whether there is a checkpoint with everything that was
// read.
func (a *accountRun) saveRest(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), interruptGrace)
	defer cancel()
	a.checkpoints.mu.Lock()
	defer a.checkpoints.mu.Unlock()
	if a.checkpoints.bytes == 0 {
		return a.checkpoints.written
	}
	_, _, err := a.writeCheckpoint(ctx)
	return err == nil
}
