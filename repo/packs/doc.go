// Package packs reads ranges of packs.
//
// A request to a store takes as long as many bytes, so no range costs more than one round trip:
//
//	whole.go   a pack of up to 256 KiB is fetched whole, by one request
//	sealed.go  of a larger sealed pack, three requests at once: what age reads first (the header), what it reads last
//	           (the last piece, by which it detects truncation), and the pieces of the range
//	reader.go  the Reader, which keeps in memory what it needs for the next range of the packs that it read last
//
// The Reader checks little: age authenticates each piece of a sealed pack, and the caller compares
// each chunk with its ID. It returns what comes before damage, so that the caller can save the
// chunks in it.
package packs
