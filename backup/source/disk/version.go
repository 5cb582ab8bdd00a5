package disk

import (
	"encoding/binary"
	"hash/fnv"
	"io/fs"
)

// hashBits are the bits of a version that are a hash: 2^24 ns are 17 ms.
const hashBits = 24

// VersionOf returns a Version for files and directories: the latest of their times in nanoseconds,
// except for the lowest bits. Those are a hash of all times, sizes and inodes, so that another file
// with an old time, or a directory whose time is not the latest one, changes the version, too.
func VersionOf(infos ...fs.FileInfo) uint64 {
	latest := uint64(1 << hashBits)
	var b []byte
	for _, info := range infos {
		time := uint64(max(0, info.ModTime().UnixNano()))
		latest = max(latest, time)
		b = binary.LittleEndian.AppendUint64(b, time)
		b = binary.LittleEndian.AppendUint64(b, uint64(info.Size()))
		b = binary.LittleEndian.AppendUint64(b, inode(info))
	}
	h := fnv.New64a()
	_, _ = h.Write(b)
	return latest>>hashBits<<hashBits | h.Sum64()>>(64-hashBits)
}
