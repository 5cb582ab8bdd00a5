package clock

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// ErrSkew is the error of removing while the store's clock and this host's differ.
var ErrSkew = errors.New("nothing is removed while the store's clock and this host's differ by more than an hour")

// skewAtMost is how far the two clocks may differ while mailstrata removes something.
const skewAtMost = time.Hour

// CheckSkew compares a time of the store with this host's clock. Removing depends on ages, and the
// store's clock can be wrong. If it is two days ahead, every grace period seems to be over. If it
// is two days behind, a mark that is put then soon looks old.
func CheckSkew(s store.Store, now time.Time) error {
	host := hostTime(s)
	if skew := now.Sub(host).Round(time.Second); skew.Abs() > skewAtMost {
		return fmt.Errorf("%w: the store's shows %s, this host's %s, %s apart. Set the wrong one (NTP), and try again",
			ErrSkew, Instant(now), Instant(host), skew.Abs())
	}
	return nil
}

// hostTime returns the time by this host's clock. The simulated stores of tests also simulate a
// host.
func hostTime(s store.Store) time.Time {
	if simulated, ok := s.(interface{ HostTime() time.Time }); ok {
		return simulated.HostTime()
	}
	return time.Now()
}
