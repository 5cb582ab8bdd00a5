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

// A long run lays checkpoints: manifests of what it has so far, which the next run goes on from if this one does not come
// to its end. In a checkpoint, mailboxes that were not read yet stand as in the parent, and one that is half read has the
// records that it has, and is not called complete.
//
// One is due after ten minutes, or after 256 MiB if half a minute has passed: over a fast line so much is read again sooner
// than it is written down. So much has room in the spill, by which the next run on the same host gets back what came since
// (spill.go).
const (
	checkpointAge   = 10 * time.Minute
	checkpointBytes = 256 << 20
	checkpointPause = 30 * time.Second
)

// renewAfter is the age at which a run ends with a checkpoint, and another goes on from it: long before its deadline
// (rule 5 of "Removing, without locks").
const renewAfter = 6 * time.Hour

var (
	// errRenew ends a walk whose run is old; another run goes on from its checkpoint.
	errRenew = errors.New("the run is to be renewed")
)

// checkpoints decide when a checkpoint is laid, and see to it that all harvests under way are cut short and in the record
// by then.
type checkpoints struct {
	mu           sync.Mutex
	noneFetching *sync.Cond // fetching fell to 0
	fetching     int
	last         time.Time // when the last one was laid, by this host's clock
	bytes        int64     // downloaded since
	written      bool      // in this run
	every        func(age time.Duration, bytes int64) bool
	full         func() bool // the spill has no room: what comes now comes again after a crash
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

// due reports whether it is time.
func (c *checkpoints) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isDue()
}

// isDue is due, with the lock held. Without anything new there is nothing to write down.
func (c *checkpoints) isDue() bool {
	age := time.Since(c.last)
	return c.bytes > 0 && (c.every(age, c.bytes) || age >= checkpointPause && c.full())
}

func (c *checkpoints) downloaded(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += max(1, bytes)
}

// begin and end enclose a harvest.
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

// checkpoint lays one, unless another harvest has done so since it was due. It waits until no harvest is under way: each
// ends with its windows, because it sees that a checkpoint is due.
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
	longer, done := grace.Context(ctx, interruptGrace)
	defer done()
	if _, _, err := a.writeCheckpoint(longer); err != nil {
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

// interruptGrace is how long who interrupts a run waits at the most, so that what was read is not read again.
const interruptGrace = 2 * time.Minute

// keepRest lays a last checkpoint of a walk that was ended by a lost server or by its user, so that the next run need not
// download again what this one has. It reports whether there is one now that has it.
func (a *accountRun) keepRest(ctx context.Context) bool {
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
