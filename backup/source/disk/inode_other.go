//go:build !unix

package disk

import "io/fs"

// inode returns 0: a file has no inode here.
func inode(fs.FileInfo) uint64 { return 0 }
