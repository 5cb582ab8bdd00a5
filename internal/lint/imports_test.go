package lint

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImports requires that the imports of a file are in groups with a blank line between them: the
// standard library, then other modules, then this one.
func TestImports(t *testing.T) {
	for _, file := range files(t, isGo) {
		for _, problem := range ungrouped(t, filepath.Join(root, file)) {
			t.Errorf("%s:%s", file, problem)
		}
	}
}

// ungrouped returns the imports of a file that are not in their group, each as "line: path".
func ungrouped(t *testing.T, file string) []string {
	t.Helper()
	positions := token.NewFileSet()
	parsed, err := parser.ParseFile(positions, file, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	group, end := 0, 0 // of the import before
	for _, spec := range parsed.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		start := positions.Position(spec.Pos()).Line
		if spec.Doc != nil {
			start = positions.Position(spec.Doc.Pos()).Line
		}
		here := groupOf(path)
		separate := start > end+1
		if end != 0 && (here < group || separate != (here > group)) {
			problems = append(problems, strconv.Itoa(start)+": import "+path+
				" is not in its group: the standard library, other modules, this module")
		}
		group, end = here, positions.Position(spec.End()).Line
	}
	return problems
}

// groupOf returns the place of an import's group. Paths of the standard library have no dot in
// their first element.
func groupOf(path string) int {
	first, _, _ := strings.Cut(path, "/")
	switch {
	case strings.HasPrefix(path, module+"/"):
		return 2
	case strings.Contains(first, "."):
		return 1
	}
	return 0
}
