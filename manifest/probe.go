package manifest

// A probe distinguishes two messages without the bytes of either. It is a hash of two short ranges
// of a message, so a server can send them quickly, and no archived mail is read. Matching by X-GUID
// needs it, because two bodies can have one X-GUID.
//
// An opening is a third range, directly after the header, where two messages with equal headers
// differ first. Its end depends on the parts of the message, so it has a hash of its own.
//
// These constants are part of the durable format.
const (
	MinProbed    = 8192 // bytes of the smallest message that has a probe; the ranges of smaller ones could overlap
	ProbeBytes   = 2048 // bytes of each range
	OpeningBytes = 512  // the most bytes of an opening
)

// ProbeOffsets returns where the two ranges of ProbeBytes begin in a message of the given size: one
// begins in its middle, and one ends at its end.
func ProbeOffsets(size int64) (middle, end int64) { return size / 2, size - ProbeBytes }
