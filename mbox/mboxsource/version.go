package mboxsource

import (
	"encoding/binary"
	"hash/fnv"
	"io/fs"
)

// hashBits are the bits of a version that are a hash: 2^24 ns are 17 ms.
const hashBits = 24

// versionOf returns a number for the time, the size and the inode of a file. It is its time in nanoseconds, except for the lowest
// bits: they are a hash, so that a file of another size or another inode has another version at the same time.
func versionOf(info fs.FileInfo) uint64 {
	time := uint64(max(1<<hashBits, info.ModTime().UnixNano()))
	b := binary.LittleEndian.AppendUint64(nil, time)
	b = binary.LittleEndian.AppendUint64(b, uint64(info.Size()))
	b = binary.LittleEndian.AppendUint64(b, inode(info))
	h := fnv.New64a()
	_, _ = h.Write(b)
	return time>>hashBits<<hashBits | h.Sum64()>>(64-hashBits)
}
