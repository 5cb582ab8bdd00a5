package local

import (
	"os"
	"slices"
	"sync"
)

// others are directories for temporary files beside the usual one (TMPDIR). A container image FROM scratch has none,
// and some jobs set TMPDIR to a directory that does not exist.
var others struct {
	sync.Mutex
	dirs []string
}

// AlsoTemporary adds a directory for temporary files. It is used if the usual one is not writable, and made when
// needed.
func AlsoTemporary(dir string) {
	others.Lock()
	defer others.Unlock()
	if dir != "" && !slices.Contains(others.dirs, dir) {
		others.dirs = append(others.dirs, dir)
	}
}

// CreateTemp creates a temporary file in the first directory where that succeeds.
func CreateTemp(pattern string) (file *os.File, err error) {
	err = somewhere(func(dir string) (err error) {
		file, err = os.CreateTemp(dir, pattern)
		return err
	})
	return file, err
}

// MkdirTemp creates a temporary directory in the first directory where that succeeds.
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
