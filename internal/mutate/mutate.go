// Package mutate lets a test build the program, or another test, from sources that differ from the
// tree's in a few places: without a rule that the test shows to be needed, or with a limit that it
// cannot wait for. The program itself then needs no switches for tests.
package mutate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Change replaces Old, which must stand in File exactly once, by New. If Old is empty, File is a
// new file that holds New.
type Change struct {
	File     string // relative to the root of the module
	Old, New string
}

// Overlay writes the changed files to dir and returns the path of a file for the -overlay flag of
// go build and go test. root is the root of the module.
func Overlay(root, dir string, changes []Change) (path string, err error) {
	if root, err = filepath.Abs(root); err != nil {
		return "", err
	}
	sources := map[string]string{}
	for _, c := range changes {
		file := filepath.Join(root, c.File)
		source, read := sources[file]
		if c.Old != "" && !read {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", fmt.Errorf("read a source to change: %w", err)
			}
			source = string(text)
		}
		if c.Old != "" && strings.Count(source, c.Old) != 1 {
			return "", fmt.Errorf("%s: %q stands there %d times, not once", c.File, c.Old, strings.Count(source, c.Old))
		}
		sources[file] = strings.Replace(source, c.Old, c.New, 1)
	}
	replace := map[string]string{}
	for file, source := range sources {
		name := strings.TrimPrefix(file, root+string(filepath.Separator))
		replace[file] = filepath.Join(dir, strings.ReplaceAll(name, string(filepath.Separator), "_"))
		if err := os.WriteFile(replace[file], []byte(source), 0o600); err != nil {
			return "", fmt.Errorf("write a changed source: %w", err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}
