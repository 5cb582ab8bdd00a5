package textindex

import "bytes"

// SmallWindows makes windows small, so that tests stop between many of them. It returns a function
// that ends this.
func SmallWindows(messages int) (restore func()) {
	before := limits
	limits.messages, limits.changes, limits.nights = messages, 2*messages, 2
	return func() { limits = before }
}

// Decode reads state in all ways, and reports whether what can be read is written in one way only.
func Decode(b []byte) bool {
	if stays, err := decodeStays(b); err == nil {
		again, err := decodeStays(encodeStays(stays))
		if err != nil || !bytes.Equal(encodeStays(again), encodeStays(stays)) {
			return false
		}
	}
	if members, err := decodeMembers(b); err == nil {
		again, err := decodeMembers(encodeMembers(members))
		if err != nil || !bytes.Equal(encodeMembers(again), encodeMembers(members)) {
			return false
		}
	}
	d := decoder{rest: b}
	_, _, _, _ = d.number(), d.text(), d.signed(), d.bytes(3)
	return true
}
