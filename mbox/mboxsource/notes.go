package mboxsource

import (
	"fmt"
	"path/filepath"

	"github.com/mailstrata/mailstrata/mbox"
)

// notes returns what is odd about the file, once it was scanned.
func (f *file) notes() (notes []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.version == 0 {
		return nil
	}
	path := f.store.pathOf(f.name)
	if f.clipped {
		notes = append(notes, fmt.Sprintf("a message in %s has more than %d keywords or labels, or one of more than %d bytes: "+
			"those are left out", path, mbox.MaxKeywords, mbox.MaxKeyword))
	}
	if f.doubts.Beside > 0 {
		notes = append(notes, fmt.Sprintf("%s has %d From lines without an empty line before them: they are read as text "+
			"of the message before", path, f.doubts.Beside))
	}
	if f.doubts.Undated > 0 {
		notes = append(notes, fmt.Sprintf("%s has %d lines that look like From lines and have no readable date: they are "+
			"read as text of the message before", path, f.doubts.Undated))
	}
	if f.unfit != nil {
		notes = append(notes, fmt.Sprintf("%s: %v; its flags and numbers are not used",
			f.store.pathOf(metadataName(f.name)), f.unfit))
	}
	if f.rest > 0 {
		notes = append(notes, fmt.Sprintf("%s has %d bytes after the last message of %s, which are not read",
			path, f.rest, f.store.pathOf(metadataName(f.name))))
	}
	if f.store.variant == nil && f.variant != mbox.RD {
		notes = append(notes, fmt.Sprintf("%s is read as %s, by its Content-Length fields; %s:PATH or %s:PATH says how to read it",
			path, f.variant, f.variant, mbox.RD))
	}
	return notes
}

// pathOf returns the path of a file of the store, for people.
func (s *Store) pathOf(name string) string {
	if filepath.Base(s.path) == name {
		return s.path
	}
	return filepath.Join(s.path, name)
}
