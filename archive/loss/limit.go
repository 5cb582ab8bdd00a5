package loss

import "github.com/mailstrata/mailstrata/internal/percent"

// Limit says how many lost messages raise an alarm. A server that lost mail and a user who deleted
// it look the same.
type Limit struct {
	Off   bool         // no loss does
	Share percent.Rate // at least this share of the messages, and
	Least int64        // at least this number; if nothing is left, the number does not count
}

// Usual is the default limit.
var Usual = Limit{Share: 0.20, Least: 50}

// Exceeded reports whether the loss of some of the messages before raises an alarm.
func (l Limit) Exceeded(before, lost int64) bool { return lost >= l.Least && l.share(before, lost) }

// share reports whether a loss reaches the share of a limit, whatever the number.
func (l Limit) share(before, lost int64) bool {
	return !l.Off && lost > 0 && float64(lost) >= float64(l.Share)*float64(before)
}
