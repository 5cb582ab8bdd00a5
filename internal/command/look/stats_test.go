package look

import (
	"fmt"
	"testing"
)

// A chart of a long history has few lines, and they add up.
func TestPeriods(t *testing.T) {
	var days []dayUsage
	for year := 2000; year < 2026; year++ {
		for month := 1; month <= 12; month++ {
			days = append(days, dayUsage{Day: fmt.Sprintf("%d-%02d-01", year, month), ArchivedBytes: 1}, dayUsage{Day: fmt.Sprintf("%d-%02d-02", year, month), ArchivedBytes: 2})
		}
	}
	for _, c := range []struct {
		days, want int
		first      string
	}{{0, 0, ""}, {2, 2, "2000-01-01"}, {36, 36, "2000-01-01"}, {38, 19, "2000-01"}, {len(days), 26, "2000"}} {
		bars := periodsOf(days[:c.days])
		if len(bars) != c.want || c.want > 0 && bars[0].Name != c.first {
			t.Errorf("%d days: %d bars", c.days, len(bars))
		}
		var sum int64
		for _, b := range bars {
			sum += b.Bytes
		}
		if sum != int64(c.days/2*3) {
			t.Errorf("%d days: %d bytes", c.days, sum)
		}
	}
}
