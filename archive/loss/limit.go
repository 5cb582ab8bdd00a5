package loss

// Limit says when it is suspicious that messages are gone: people delete mail, and servers that lost theirs look the same.
type Limit struct {
	Off   bool    // never
	Share float64 // of the messages that were there, and
	Least int64   // so many. Where nothing is left, the number does not count
}

// Usual is the limit where nothing else is said.
var Usual = Limit{Share: 0.20, Least: 50}

// Exceeded reports whether of so many messages that were there so many are gone that it is suspicious.
func (l Limit) Exceeded(before, lost int64) bool { return lost >= l.Least && l.share(before, lost) }

// share reports whether the share of a limit is reached, whatever the number.
func (l Limit) share(before, lost int64) bool {
	return !l.Off && lost > 0 && float64(lost) >= l.Share*float64(before)
}
