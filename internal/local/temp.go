package local

import (
	"os"
	"slices"
	"sync"
)

// Temporary files are in the usual directory (TMPDIR). An image FROM scratch has no such directory, and some jobs name
// one that does not exist. Other directories serve then.
var others struct {
	sync.Mutex
	dirs []string
}

// AlsoTemporary names a directory for temporary files, which is used if the usual one cannot be written. It is made
// when it is needed.
func AlsoTemporary(dir string) {
	others.Lock()
	defer others.Unlock()
	if dir != "" && !slices.Contains(others.dirs, dir) {
		others.dirs = append(others.dirs, dir)
	}
}

// CreateTemp makes a temporary file in the first directory that takes one.
func CreateTemp(pattern string) (file *os.File, err error) {
	err = somewhere(func(dir string) (err error) {
		file, err = os.CreateTemp(dir, pattern)
		return err
	})
	return file, err
}

// MkdirTemp makes a temporary directory in the first directory that takes one.
func MkdirTemp(pattern string) (path string, err error) {
	err = somewhere(func(dir string) (err error) {
		path, err = os.MkdirTemp(dir, pattern)
		return err
	})
	return path, err
}

func somewhere(try func(dir string) error) error {
	first := try(os.TempDir())
	if first == nil {
		return nil
	}
	others.Lock()
	dirs := slices.Clone(others.dirs)
	others.Unlock()
	for _, dir := range dirs {
		if os.MkdirAll(dir, 0o700) == nil && try(dir) == nil {
			return nil
		}
	}
	return &Error{
		Doing: "make a temporary file in", Path: os.TempDir(), Err: first,
		Advice: "set TMPDIR to a directory that can be written and has room",
	}
}
