package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestClosed requires that a test closes each repository that it opens without a cache directory.
// Such a repository has one in TMPDIR until it is closed, and tests that try a fault at each step
// leave hundreds of them there.
func TestClosed(t *testing.T) {
	found := 0
	for _, file := range files(t, func(path string) bool { return strings.HasSuffix(path, "_test.go") }) {
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			for name, at := range openedWithoutCache(function) {
				if found++; !closes(function, name) {
					t.Errorf("%s:%d: %s does not close the repository %s, which has a cache in TMPDIR until then",
						file, fset.Position(at).Line, function.Name.Name, name)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no test opens a repository")
	}
}

// openedWithoutCache returns the variables to which a function assigns repositories that it opens
// with options that name no cache directory.
func openedWithoutCache(function *ast.FuncDecl) map[string]token.Pos {
	opened := make(map[string]token.Pos)
	ast.Inspect(function.Body, func(n ast.Node) bool {
		assigned, ok := n.(*ast.AssignStmt)
		if !ok || len(assigned.Rhs) != 1 {
			return true
		}
		call, ok := assigned.Rhs[0].(*ast.CallExpr)
		if !ok || !isCallOf(call, "repo", "Open") && !isCallOf(call, "repo", "Init") {
			return true
		}
		options, ok := call.Args[len(call.Args)-1].(*ast.CompositeLit)
		variable, named := assigned.Lhs[0].(*ast.Ident)
		if ok && named && variable.Name != "_" && !mentions(options, "CacheDir") {
			opened[variable.Name] = call.Pos()
		}
		return true
	})
	return opened
}

// closes reports whether a function calls the method Close of a variable, anywhere.
func closes(function *ast.FuncDecl, variable string) (found bool) {
	ast.Inspect(function.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		found = found || ok && isCallOf(call, variable, "Close")
		return !found
	})
	return found
}

// isCallOf reports whether a call is of a function of a package, or of a method of a variable.
func isCallOf(call *ast.CallExpr, of, name string) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == of
}

// mentions reports whether a node has an identifier.
func mentions(node ast.Node, name string) (found bool) {
	ast.Inspect(node, func(n ast.Node) bool {
		identifier, ok := n.(*ast.Ident)
		found = found || ok && identifier.Name == name
		return !found
	})
	return found
}
