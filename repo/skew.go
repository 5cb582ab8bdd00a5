package repo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrSkew: the store's clock and this host's differ, so nothing is removed.
var ErrSkew = errors.New("nothing is removed while the store's clock and this host's differ by more than an hour")

// skewAtMost is how far the two clocks may be apart for what removes. The end-to-end tests, which move the store's
// clock by days, link another value in.
var skewAtMost = "1h"

// agree compares a time that the store told with this host's clock. Whatever removes goes by ages, and the store's
// clock alone can leap: two days ahead, and every grace looks over; two days back, and a mark that is put then looks
// old at once.
func (r *Repo) agree(now time.Time) error {
	most, err := time.ParseDuration(skewAtMost)
	if err != nil {
		return err
	}
	host := r.hostTime()
	if skew := now.Sub(host).Round(time.Second); skew.Abs() > most {
		return fmt.Errorf("%w: the store's shows %s, this host's %s, %s apart. Set the one that is wrong (NTP), and try again",
			ErrSkew, instant(now), instant(host), skew.Abs())
	}
	return nil
}

// hostTime is what this host's clock shows. A store that tests simulate simulates the host that goes along with it.
func (r *Repo) hostTime() time.Time {
	if simulated, ok := bare(r.store).(interface{ HostTime() time.Time }); ok {
		return simulated.HostTime()
	}
	return time.Now()
}

// agreedNow is the store's time, if this host's clock agrees.
func (run *Run) agreedNow(ctx context.Context) (time.Time, error) {
	now, err := run.Now(ctx)
	if err == nil && !run.r.rules.leaps {
		err = run.r.agree(now)
	}
	return now, err
}

// agreed reports whether the store's clock and this host's agree now.
func (r *Repo) agreed(ctx context.Context) error {
	if r.rules.leaps {
		return nil
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("ask the store for the time: %w", err)
	}
	return r.agree(now)
}
