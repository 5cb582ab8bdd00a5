// Package percent reads and prints shares that people write in percent.
package percent

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is a share of something, from 0 to 1. People write it in per cent: "1%", "0.5%".
type Rate float64

// Parse reads a Rate.
func Parse(text string) (Rate, error) {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	if !ok {
		return 0, fmt.Errorf("%q is no share: write it as 1%% or 0.5%%", text)
	}
	percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(percent >= 0 && percent <= 100) {
		return 0, fmt.Errorf("%q is no share: it goes from 0%% to 100%%", text)
	}
	return Rate(percent / 100), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) (err error) {
	*r, err = Parse(string(text))
	return err
}

// String is what Parse reads.
func (r Rate) String() string {
	return strconv.FormatFloat(float64(r)*100, 'g', 10, 64) + "%"
}
