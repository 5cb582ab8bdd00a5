package repo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrSkew is the error of removing while the store's clock and this host's differ.
var ErrSkew = errors.New("nothing is removed while the store's clock and this host's differ by more than an hour")

// skewAtMost is how far the two clocks may differ while mailstrata removes something.
const skewAtMost = time.Hour

// checkSkew compares a time of the store with this host's clock. Removing depends on ages, and the store's clock can be wrong. If it
// is two days ahead, every grace period seems to be over. If it is two days behind, a mark that is put then soon looks old.
func (o *objects) checkSkew(now time.Time) error {
	host := o.hostTime()
	if skew := now.Sub(host).Round(time.Second); skew.Abs() > skewAtMost {
		return fmt.Errorf("%w: the store's shows %s, this host's %s, %s apart. Set the wrong one (NTP), and try again",
			ErrSkew, instant(now), instant(host), skew.Abs())
	}
	return nil
}

// hostTime returns the time by this host's clock. The simulated stores of tests also simulate a host.
func (o *objects) hostTime() time.Time {
	if simulated, ok := o.store.Store.(interface{ HostTime() time.Time }); ok {
		return simulated.HostTime()
	}
	return time.Now()
}

// checkedNow returns the store's time, if this host's clock agrees with it.
func (run *Run) checkedNow(ctx context.Context) (time.Time, error) {
	now, err := run.Now(ctx)
	if err == nil {
		err = run.r.checkSkew(now)
	}
	return now, err
}

// checkSkewNow returns an error unless the store's clock and this host's agree.
func (o *objects) checkSkewNow(ctx context.Context) error {
	now, err := o.Now(ctx)
	if err != nil {
		return err
	}
	return o.checkSkew(now)
}
