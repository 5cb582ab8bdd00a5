//go:build !unix

package local

import "os"

// keepOwner does nothing: a new file has the rights of its directory.
func keepOwner(*os.File, os.FileInfo) {}
