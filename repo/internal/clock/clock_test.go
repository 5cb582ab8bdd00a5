package clock

import (
	"errors"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A clock that goes back a little, as that of a store with several servers, is no error. One that
// goes back further is, also after it went forward.
func TestClockGoesBack(t *testing.T) {
	for _, c := range []struct {
		steps []time.Duration
		want  error
	}{
		{[]time.Duration{time.Hour, -time.Second}, nil},
		{[]time.Duration{-10 * time.Second}, ErrBack},
		{[]time.Duration{time.Hour, -time.Minute}, ErrBack},
	} {
		s := new(storetest.Memory)
		clock, err := Start(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range c.steps {
			s.Leap(step)
			_, err = clock.Now(t.Context())
		}
		if !errors.Is(err, c.want) {
			t.Errorf("after %s: %v, not %v", c.steps, err, c.want)
		}
	}
}

// A run is as old as the store's clock says, but no younger than this host's uptime says.
func TestAge(t *testing.T) {
	s := new(storetest.Memory)
	clock, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if age := clock.Age(clock.Began().Add(time.Hour)); age < time.Hour || age > time.Hour+time.Minute {
		t.Errorf("after an hour: %s", age)
	}
	clock.up -= 2 * time.Hour
	if age := clock.Age(clock.Began().Add(time.Hour)); age < 2*time.Hour {
		t.Errorf("after two hours of this host: %s", age)
	}
}

// Nothing is removed while the two clocks differ by more than an hour, whichever is ahead.
func TestSkew(t *testing.T) {
	s := new(storetest.Memory)
	for by, want := range map[time.Duration]error{
		0: nil, 59 * time.Minute: nil, -59 * time.Minute: nil, 61 * time.Minute: ErrSkew, -61 * time.Minute: ErrSkew,
	} {
		if err := CheckSkew(s, s.HostTime().Add(by)); !errors.Is(err, want) {
			t.Errorf("%s ahead: %v, not %v", by, err, want)
		}
	}
}
