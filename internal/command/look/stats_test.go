package look

import (
	"fmt"
	"testing"

	"github.com/mailstrata/mailstrata/manifest"
)

// What was archived by runs whose manifests are forgotten counts with the next one that is there.
func TestArchivedByForgottenRuns(t *testing.T) {
	night := func(messages, fresh int64, parent byte) *manifest.Manifest {
		return &manifest.Manifest{Parent: [32]byte{parent}, Totals: manifest.Totals{
			Messages: messages, Bytes: 10 * messages, NewMessages: fresh, NewBytes: 10 * fresh}}
	}
	for name, test := range map[string]struct {
		manifest, before *manifest.Manifest
		want             int64
	}{
		"first":                    {night(100, 90, 0), nil, 90}, // ten are copies
		"next":                     {night(105, 7, 1), night(100, 90, 0), 7},
		"after forgotten ones":     {night(150, 2, 3), night(100, 90, 0), 50},
		"all before are forgotten": {night(150, 2, 3), nil, 150},
		"mail was deleted":         {night(50, 2, 1), night(100, 90, 0), 2},
	} {
		if messages, bytes := archived(test.manifest, test.before); messages != test.want || bytes != 10*test.want {
			t.Errorf("%s: %d messages, %d bytes, want %d", name, messages, bytes, test.want)
		}
	}
}

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
