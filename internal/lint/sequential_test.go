package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestSequential requires that the tests of the packages that the Makefile calls SEQUENTIAL, which
// run without the race detector, start no goroutine, and neither does what they import of this
// module.
func TestSequential(t *testing.T) {
	listed := regexp.MustCompile(`(?m)^SEQUENTIAL := ((?:.*\\\n)*.*)`).FindStringSubmatch(read(t, "Makefile"))
	if listed == nil {
		t.Fatal("the Makefile has no SEQUENTIAL")
	}
	packages := make(map[string][]source)
	for _, file := range files(t, isGo) {
		packages[path.Dir(file)] = append(packages[path.Dir(file)], parse(t, file))
	}
	for _, pkg := range strings.Fields(strings.ReplaceAll(listed[1], "\\\n", " ")) {
		if len(packages[pkg]) == 0 {
			t.Errorf("%s does not exist", pkg)
		}
		reached := map[string]bool{pkg: true}
		for _, s := range packages[pkg] {
			s.follow(packages, reached)
		}
		for other := range reached {
			for _, s := range packages[other] {
				if s.starts != "" && (other == pkg || !s.test) {
					t.Errorf("%s is tested without the race detector, but %s", pkg, s.starts)
				}
			}
		}
	}
}

// source is what one file has of interest.
type source struct {
	test    bool
	starts  string // what starts a goroutine, or ""
	imports []string
}

// follow adds the packages that s imports, directly or not, to reached.
func (s source) follow(packages map[string][]source, reached map[string]bool) {
	for _, pkg := range s.imports {
		if reached[pkg] {
			continue
		}
		reached[pkg] = true
		for _, next := range packages[pkg] {
			if !next.test {
				next.follow(packages, reached)
			}
		}
	}
}

// concurrent are packages that call their caller in other goroutines.
var concurrent = []string{"golang.org/x/sync/errgroup", "net/http", "net/http/httptest", "os/signal", "testing/synctest"}

func parse(t *testing.T, file string) source {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	s := source{test: strings.HasSuffix(file, "_test.go")}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(concurrent, name) {
			s.starts = file + " imports " + name
		}
		if ours, ok := strings.CutPrefix(name, module+"/"); ok {
			s.imports = append(s.imports, ours)
		}
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		call, _ := node.(*ast.CallExpr)
		var selected string
		if call != nil {
			if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
				selected = selector.Sel.Name
			}
		}
		_, isGo := node.(*ast.GoStmt)
		if isGo || slices.Contains([]string{"Parallel", "AfterFunc", "Go"}, selected) {
			s.starts = set.Position(node.Pos()).String() + " starts a goroutine"
		}
		return true
	})
	return s
}
