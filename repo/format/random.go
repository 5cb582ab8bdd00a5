package format

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Files that are compressed or encrypted as a whole fill frames that no level makes smaller. Such a
// frame is written without trying to compress all of it. This takes a quarter of the time, and the
// result has the same size.

const (
	// sampleSize and sampleEvery say which bytes of a frame looksRandom counts.
	sampleSize  = 4 << 10
	sampleEvery = 32 << 10

	// minCount and maxCount bound the sum of the squares of how often each byte value occurs in a
	// sample. It is 69,616 for random bytes, with a standard deviation of 361, so of 10,000 samples
	// of random bytes all are within. An image or a document that is compressed in parts exceeds it
	// in some sample.
	minCount = 67_800
	maxCount = 71_800

	// trialSize is how much of a frame that looks random is compressed, to find repetitions. It is
	// also the size of the smallest frame for which the samples are worth their time.
	trialSize = 256 << 10

	// zstdBlock is the largest block of a zstd frame (RFC 8878 section 3.1.1.2.4).
	zstdBlock = 128 << 10
)

// looksRandom reports whether byte values are distributed evenly in all samples. A text fails at
// the first one.
func looksRandom(content []byte) bool {
	for at := 0; at+sampleSize <= len(content); at += sampleEvery {
		var counts [256]uint32
		for _, b := range content[at : at+sampleSize] {
			counts[b]++
		}
		sum := uint32(0)
		for _, n := range counts {
			sum += n * n
		}
		if sum < minCount || sum > maxCount {
			return false
		}
	}
	return true
}

// appendUncompressed appends a zstd frame of uncompressed blocks (RFC 8878 section 3.1.1). Its
// header and its checksum are as a frameEncoder writes them.
func appendUncompressed(to, content []byte) []byte {
	const (
		contentSize4  = 2 << 6 // the content size has four bytes
		singleSegment = 1 << 5
		withChecksum  = 1 << 2
	)
	to = append(to, 0x28, 0xb5, 0x2f, 0xfd, contentSize4|singleSegment|withChecksum)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(content)))
	checksum := uint32(xxhash.Sum64(content))
	for last := uint32(0); last == 0; {
		n := min(len(content), zstdBlock)
		if n == len(content) {
			last = 1
		}
		header := uint32(n)<<3 | last // the type between them is 0, Raw_Block
		to = append(to, byte(header), byte(header>>8), byte(header>>16))
		to = append(to, content[:n]...)
		content = content[n:]
	}
	return binary.LittleEndian.AppendUint32(to, checksum)
}
