package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A Partial has its name when it is complete, replaces the rest of an earlier one, and never a
// file.
func TestPartial(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mail.zip")
	names := func() (names []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	if err := os.WriteFile(path+PartialSuffix, []byte("of a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "mail.zip") // another program's file, such as a download
	if err := os.WriteFile(other+".partial", []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := NewPartial(other)
	if err != nil {
		t.Fatal(err)
	}
	p.Discard()
	if text, err := os.ReadFile(other + ".partial"); string(text) != "theirs" {
		t.Errorf("%q, %v", text, err)
	}
	if p, err = NewPartial(path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("half")); err != nil || len(names()) != 1 || names()[0] != "mail.zip"+PartialSuffix {
		t.Fatal(names(), err)
	}
	p.Discard()
	if len(names()) != 0 {
		t.Fatal(names())
	}
	if p, err = NewPartial(path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	p.Discard()
	if text, err := os.ReadFile(path); string(text) != "whole" || err != nil || len(names()) != 1 {
		t.Fatal(string(text), err, names())
	}
	if _, err := NewPartial(path); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if p, err = NewPartial(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); string(text) != "another's" || err != nil || len(names()) != 1 {
		t.Fatal(string(text), err, names())
	}
}
