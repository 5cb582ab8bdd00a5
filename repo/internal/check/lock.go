package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// errOverlaid is the problem of an object that someone with the right to put or delete has tried to
// replace or hide.
var errOverlaid = errors.New("another object or a delete marker covers it: the older version is read")

// probes is the prefix of the names of objects that only test the store.
const probes = "probe/"

// overlaid reports the objects that Get reads from an older version than the newest.
func (c *checker) overlaid(context.Context) error {
	for _, name := range c.objects.Store.Replaced() {
		if strings.HasPrefix(name, probes) {
			continue // init or doctor put it, and then hid it by deleting it
		}
		c.problem(objects.Overlaid, name, errOverlaid)
	}
	return nil
}

// shortLocks counts the objects whose retention ends too early.
type shortLocks struct {
	first   string // name of an object whose retention ends first
	count   int
	until   time.Time   // when that ends
	unknown atomic.Bool // the store does not report retention
}

// add counts an object if its retention ends too early.
func (s *shortLocks) add(f *finding) {
	if f.until.IsZero() {
		return
	}
	if s.count++; s.count == 1 || f.until.Before(s.until) {
		s.first, s.until = f.Name, f.until
	}
}

// readMarks reads the marks, if retention is checked: that of a forgotten manifest may end.
func (c *checker) readMarks(ctx context.Context) (err error) {
	if c.r.Config.ObjectLock() != nil {
		c.marks, err = c.r.Marks(ctx)
	}
	return err
}

// lock checks how long the store retains an object. Some stores do not report a bucket's default
// retention, and some credentials may not read it. That is not a problem: lock then asks no more.
func (c *checker) lock(ctx context.Context, kind format.Kind, f *finding) error {
	lock := c.r.Config.ObjectLock()
	if lock == nil || c.short.unknown.Load() || kind == format.KindCheck || kind == format.KindRenewal ||
		c.doomed(f.Name) {
		return nil
	}
	if _, marked := c.marks[format.MarkedName(f.Name)]; marked {
		return nil
	}
	until, err := c.objects.Store.RetainedUntil(ctx, f.Name)
	if err == nil && until.IsZero() {
		c.short.unknown.Store(true)
		return nil
	}
	if err != nil {
		return err
	}
	now, err := c.objects.Store.Now(ctx)
	if err == nil && until.Before(now.Add(lock.Period())) {
		f.until = until
	}
	return err
}

// reportShortLocks reports retention that ends too early, and a bucket whose default retention is
// too short.
func (c *checker) reportShortLocks(ctx context.Context) error {
	switch err := c.objects.Store.CheckDefault(ctx); {
	case errors.Is(err, objectlock.ErrDefault):
		c.problem(objects.Unlocked, "", err)
	case err != nil:
		return err
	}
	if s := &c.short; s.count > 0 {
		c.problem(objects.Unlocked, s.first, fmt.Errorf("it is locked until %s, and %d objects in all for less than the %d days of the repository: "+
			"renew the locks (mailstrata prune)", s.until.UTC().Format(time.RFC3339), s.count, c.r.Config.ObjectLock().Days))
	}
	return nil
}
