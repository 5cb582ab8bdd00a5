package manifest

// A probe tells two messages apart without the bytes of either: it is a hash of two stretches of a message, so few bytes
// that a server is soon asked for them, and no archived mail need be read to compare. X-GUID wants one, for it can name
// two bodies.
//
// An opening is a third stretch, right after the header, where two messages with one header differ first. The parts of the
// message decide where it ends, so it has a hash of its own.
//
// These constants are part of the durable format.
const (
	MinProbed    = 8192 // bytes of the smallest message that has a probe: its stretches do not overlap
	ProbeBytes   = 2048 // bytes of each stretch
	OpeningBytes = 512  // bytes of an opening, at most
)

// ProbeOffsets tells where the stretches of a message of so many bytes begin, each of ProbeBytes: one in its middle, and
// one at its end.
func ProbeOffsets(size int64) (middle, end int64) { return size / 2, size - ProbeBytes }
