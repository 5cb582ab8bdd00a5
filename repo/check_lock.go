package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
)

// errOverlaid: somebody who may put, or delete, has tried to make an object go away.
var errOverlaid = errors.New("something was put over it, or hides it: the older version is read")

// probes is the prefix of the names of objects that only try the store.
const probes = "probe/"

// overlaid tells of the objects of which the newest version is not the one that is read.
func (c *checker) overlaid(context.Context) error {
	for _, name := range c.r.store.Replaced() {
		if strings.HasPrefix(name, probes) {
			continue // init and doctor made it, and a marker hides it if they deleted it
		}
		c.problem(Overlaid, name, errOverlaid)
	}
	return nil
}

// shortLocks are objects under a lock that ends too early.
type shortLocks struct {
	first   string // name of one
	count   int
	until   time.Time // when the first lock ends
	unknown bool      // the store does not tell
}

// lock asks how long an object is kept. Some stores do not tell of a bucket's default, and some credentials are not told: then
// nothing is known, which is no fault.
func (c *checker) lock(ctx context.Context, kind format.Kind, o store.Object) error {
	lock := c.r.Lock()
	if lock == nil || c.short.unknown || kind == format.KindCheck || kind == format.KindRenewal || c.doomed(kind, o.Name) {
		return nil
	}
	if c.marks == nil {
		marks, err := c.r.marks(ctx, concernsObject)
		if err != nil {
			return err
		}
		c.marks = marks
	}
	if _, marked := c.marks[o.Name]; marked {
		return nil
	}
	until, err := c.r.store.RetainedUntil(ctx, o.Name)
	if err == nil && until.IsZero() {
		c.short.unknown = true
		return nil
	}
	if err != nil {
		return err
	}
	now, err := c.r.store.Now(ctx)
	if err != nil || !until.Before(now.Add(lock.Period())) {
		return err
	}
	if c.short.count++; c.short.count == 1 || until.Before(c.short.until) {
		c.short.first, c.short.until = o.Name, until
	}
	return nil
}

// reportShortLocks tells of locks that end too early, and of a bucket that does not lock what comes.
func (c *checker) reportShortLocks(ctx context.Context) error {
	switch err := c.r.store.CheckDefault(ctx); {
	case errors.Is(err, objectlock.ErrDefault):
		c.problem(Unlocked, "", err)
	case err != nil:
		return err
	}
	if s := c.short; s.count > 0 {
		c.problem(Unlocked, s.first, fmt.Errorf("it is locked until %s, and %d objects in all for less than the %d days of the repository: "+
			"renew the locks (mailstrata prune)", s.until.UTC().Format(time.RFC3339), s.count, c.r.Lock().Days))
	}
	return nil
}
