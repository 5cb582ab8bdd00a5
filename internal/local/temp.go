package local

import (
	"os"
	"slices"
	"sync"
)

// others are directories for temporary files beside the usual one (TMPDIR). A container image FROM
// scratch has none, and some jobs set TMPDIR to a directory that does not exist.
var others struct {
	sync.Mutex
	dirs []string
}

// AlsoTemporary adds a directory for temporary files. It is used if the usual one is not writable,
// and made when needed.
func AlsoTemporary(dir string) {
	others.Lock()
	defer others.Unlock()
	if dir != "" && !slices.Contains(others.dirs, dir) {
		others.dirs = append(others.dirs, dir)
	}
}

// CreateTemp creates a temporary file in the first directory where that succeeds.
func CreateTemp(pattern string) (*os.File, error) {
	return somewhere(func(dir string) (*os.File, error) { return os.CreateTemp(dir, pattern) })
}

// MkdirTemp creates a temporary directory in the first directory where that succeeds.
func MkdirTemp(pattern string) (string, error) {
	return somewhere(func(dir string) (string, error) { return os.MkdirTemp(dir, pattern) })
}

func somewhere[T any](try func(dir string) (T, error)) (made T, err error) {
	made, first := try(os.TempDir())
	if first == nil {
		return made, nil
	}
	others.Lock()
	dirs := slices.Clone(others.dirs)
	others.Unlock()
	for _, dir := range dirs {
		if os.MkdirAll(dir, 0o700) == nil {
			if made, err = try(dir); err == nil {
				return made, nil
			}
		}
	}
	return made, &Error{
		Doing: "make a temporary file in", Path: os.TempDir(), Err: first,
		Advice: "set TMPDIR to a directory that can be written and has room",
	}
}
