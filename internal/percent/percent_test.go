package percent_test

import (
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/internal/percent"
)

// Shares are read with their percent sign, from 0 to 100 %.
func TestRates(t *testing.T) {
	for text, want := range map[string]percent.Rate{"0%": 0, "1%": 0.01, " 0.5 %": 0.005, "100%": 1} {
		if have, err := percent.Parse(text); err != nil || have != want {
			t.Errorf("%s: %v, %v", text, have, err)
		}
	}
	if slices.ContainsFunc([]string{"", "1", "%", "0.01", "x%", "-1%", "1000%", "Inf%"}, func(text string) bool { _, err := percent.Parse(text); return err == nil }) {
		t.Error("what is no rate is read as one")
	}
}
