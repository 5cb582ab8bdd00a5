package nextrun

import (
	"testing"
	"time"
)

// What systemd 252 and 257 print.
func TestParse(t *testing.T) {
	const listed = `[{"next":1796007600000000,"left":1796007600000000,"last":1795921203000000,"passed":1795921203000000,` +
		`"unit":"mailstrata.timer","activates":"mailstrata.service"},` +
		`{"next":0,"left":0,"last":null,"passed":null,"unit":"mailstrata-prune.timer","activates":"mailstrata-prune.service"},` +
		`{"next":null,"unit":"mailstrata-check.timer"},{"next":1,"unit":"logrotate.timer"}]`
	timers := parse([]byte(listed))
	want := Timer{"mailstrata.timer", time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)}
	if len(timers) != 1 || timers[0].Unit != want.Unit || !timers[0].Next.Equal(want.Next) {
		t.Errorf("%v, want %v", timers, want)
	}
	for _, other := range []string{"", "[]", "0 timers listed.", `{"next":1}`, `[{"next":-1,"unit":"mailstrata.timer"}]`} {
		if timers := parse([]byte(other)); len(timers) > 0 {
			t.Errorf("%s has %v", other, timers)
		}
	}
}
