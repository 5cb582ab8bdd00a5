// Package optimal makes zstd frames (RFC 8878) that are smaller than those of package zstd, and
// takes much longer.
//
//	content ─► matches (finder.go) ─► the cheapest sequences (parse.go) ─► blocks (encoder.go) ─► frame
//
// The encoders of github.com/klauspost/compress choose each match by a rule. This one knows what
// each match costs, in bits, and finds the cheapest way through a block, as the levels 16 to 22 of
// the program zstd do. A frame has a single segment, its content size, a checksum, and no
// dictionary, so any decoder reads it, and as fast as any other frame.
//
// What a symbol costs depends on how often the block has it, which depends on the matches. So each
// block is parsed twice: at the costs of the block before, and then at those of the first result.
package optimal
