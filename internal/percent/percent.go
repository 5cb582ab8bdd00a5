// Package percent reads and prints shares that people write in percent.
package percent

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is a share, from 0 to 1. Its text form is in percent: "1%", "0.5%".
type Rate float64

// Parse parses a Rate.
func Parse(text string) (Rate, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	if !ok {
		return 0, fmt.Errorf("%q is not a share: write it as 1%% or 0.5%%", text)
	}
	percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(percent >= 0 && percent <= 100) {
		return 0, fmt.Errorf("%q is not a share: it must be from 0%% to 100%%", text)
	}
	return Rate(percent / 100), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) (err error) {
	*r, err = Parse(string(text))
	return err
}

// String returns the rate as Parse reads it.
func (r Rate) String() string {
	return strconv.FormatFloat(float64(r)*100, 'g', 10, 64) + "%"
}
