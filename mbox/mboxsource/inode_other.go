//go:build !unix

package mboxsource

import "io/fs"

// inode returns 0: a file has no inode here.
func inode(fs.FileInfo) uint64 { return 0 }
