package lint

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxWidth limits lines of prose, in columns. A tab has four.
const maxWidth = 100

// TestLines requires that documents have lines of at most 100 columns. Tables, code and comments
// may be wider.
func TestLines(t *testing.T) {
	for _, file := range files(t, isDocument) {
		fenced := false
		for i, line := range strings.Split(read(t, file), "\n") {
			trimmed := strings.TrimSpace(line)
			if strings.HasPrefix(trimmed, "```") {
				fenced = !fenced
			}
			switch {
			case fenced, strings.HasPrefix(trimmed, "|"), strings.HasPrefix(line, "    "), strings.HasPrefix(line, "<!--"):
			case utf8.RuneCountInString(line) > maxWidth:
				t.Errorf("%s:%d: line has more than %d columns", file, i+1, maxWidth)
			}
		}
	}
}

// TestCommentLines requires that comments have lines of at most 100 columns. Those that follow code
// on its line may be wider, and those that are indented: lists and formats.
func TestCommentLines(t *testing.T) {
	prose := regexp.MustCompile(`^\t*// \S`)
	for _, file := range files(t, isGo) {
		for i, line := range strings.Split(read(t, file), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if prose.MatchString(line) && utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")) > maxWidth {
				t.Errorf("%s:%d: comment has more than %d columns", file, i+1, maxWidth)
			}
		}
	}
}

// TestPackageComments requires that each package has exactly one comment.
func TestPackageComments(t *testing.T) {
	commented := make(map[string][]string) // by directory
	for _, file := range files(t, isProgram) {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(file)
		if _, ok := commented[dir]; !ok {
			commented[dir] = nil
		}
		if parsed.Doc == nil {
			continue
		}
		commented[dir] = append(commented[dir], file)
	}
	for dir, where := range commented {
		if len(where) != 1 {
			t.Errorf("%s: the package has %d comments, want 1: %v", dir, len(where), where)
		}
	}
}
