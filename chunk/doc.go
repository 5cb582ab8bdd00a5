// Package chunk cuts content into chunks and names them by their hashes.
//
// A chunk is the unit that a repository stores once. Content up to Min bytes is one chunk. A
// [Cutter] cuts longer content where its bytes say so, and not at fixed offsets. So a message that
// comes back with a few bytes inserted shares most of its chunks with the earlier one:
//
//	content  │ 16–256 KiB │ 16–256 KiB │ … │ rest │    about 80 KiB on average
//	              │             │             │
//	            Key.Sum       Key.Sum       Key.Sum
//	              │             │             │
//	              ID            ID            ID
//
// The name of a chunk is its [ID], a hash that is keyed with a secret of the repository:
//
//	ID     = BLAKE3-256 keyed with Key, over the bytes of the chunk   32 bytes
//	Prefix = the first half of the ID, which an index stores          16 bytes
//
// Without the key, IDs do not reveal whether the archive holds a given message. The [Polynomial]
// that decides the cuts is secret too, because the sizes of chunks say something about the content.
//
// The package imports nothing of mailstrata and does no I/O.
package chunk
