package lint

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// files returns the paths, relative to the root of the repository, of all files that are part of it
// and that keep accepts. It leaves out testdata and hidden directories, but for .ci.
func files(t *testing.T, keep func(path string) bool) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == root {
			return nil
		}
		name := entry.Name()
		if entry.IsDir() {
			if name == "testdata" || strings.HasPrefix(name, ".") && name != ".ci" {
				return filepath.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if relative = filepath.ToSlash(relative); err == nil && entry.Type().IsRegular() && keep(relative) {
			found = append(found, relative)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no files found")
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func isGo(path string) bool { return strings.HasSuffix(path, ".go") }

func isProgram(path string) bool { return isGo(path) && !strings.HasSuffix(path, "_test.go") }

func isDocument(path string) bool { return strings.HasSuffix(path, ".md") }
