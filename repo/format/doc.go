// Package format is docs/format.md in code: it makes and reads the objects of a repository. It does
// no input or output of its own but for spools, and does not know how a repository is opened.
//
// An object is a container of frames, sealed by age, whose name ends in the hash of the sealed
// bytes:
//
//	chunks ─► RawFrame ─► frame ─► ContainerWriter ─► seal ─► Spool or bytes
//	          up to 4 MiB  zstd     head, frames,     age      BLAKE3 of it is the name
//	                                table, tag
//
//	errors.go, kind.go, name.go   what an object can be wrong with, the kinds of objects and their names
//	keys.go, cbor.go              keys derived from the secret; the one encoding of each value
//	container.go                  the form of every object, and how it is parsed; container_write.go writes it
//	seal.go, spool.go             sealing; an object in a file on its way to the store
//	frame.go                      compression, and the check of each frame
//	lane.go, raw_frame.go         which chunks share a frame, and when a frame is full
//	pack.go                       how the table of a pack and a row of the index describe it
//	segment.go, segment_write.go  index segments: sorted entries in blocks
//	digest.go                     the proof that a merged segment has the entries of its inputs
//	codec.go                      what all of these share for one repository: its id, its keys and the compressor
//
// Writers make one encoding of each object and read back what they made. Parsers refuse every other
// encoding, and allocate no more than the size of the object allows.
package format
