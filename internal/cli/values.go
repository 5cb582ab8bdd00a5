package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
)

// Span is a flag with a time span, such as 30d or 1y6m.
type Span history.Span

// UnmarshalText parses a span such as 30d or 1y6m.
func (s *Span) UnmarshalText(text []byte) error {
	parsed, err := history.ParseSpan(string(text))
	*s = Span(parsed)
	return err
}

// Share is a fraction between 0 and 1.
type Share float64

// UnmarshalText reads a percentage.
func (s *Share) UnmarshalText(text []byte) error {
	if string(text) == "unlimited" {
		*s = 1
		return nil
	}
	if strings.Contains(string(text), "/") {
		return fmt.Errorf("%s is no percentage such as 5%%; --read-data --shard N/OF reads a share",
			ui.Quote(string(text)))
	}
	digits, ok := strings.CutSuffix(string(text), "%")
	percent, err := strconv.ParseFloat(digits, 64)
	if !ok && string(text) != "0" || err != nil || !(percent >= 0 && percent <= 100) {
		return fmt.Errorf(`%s is neither a percentage such as 5%% nor "unlimited"`, ui.Quote(string(text)))
	}
	*s = Share(percent / 100)
	return nil
}
