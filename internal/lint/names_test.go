package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	span = regexp.MustCompile("`([^`]+)`")

	// pathSpan is a path of the repository, such as internal/lint/doc.go.
	pathSpan = regexp.MustCompile(`^(archive|backup|bench|chunk|cmd|contrib|dir|docs|eml|imap|internal|mail|maildir|manifest|repo|restore|s3|testbed)/[\w./-]+$`)

	// nameSpan is an exported name of a package, such as repo.Open or mail.Splitter.Next.
	nameSpan = regexp.MustCompile(`^([a-z]\w*)\.([A-Z]\w*)(?:\.(\w+))?$`)
)

// TestNames requires that the paths and names that documents mention in code spans exist.
func TestNames(t *testing.T) {
	packages := make(map[string]string) // the declarations of packages of this name
	for _, file := range files(t, isProgram) {
		packages[path.Base(path.Dir(file))] += read(t, file)
	}
	for _, file := range files(t, isDocument) {
		if file == "CHANGELOG.md" {
			continue
		}
		for i, line := range strings.Split(read(t, file), "\n") {
			for _, match := range span.FindAllStringSubmatch(line, -1) {
				if problem := missing(packages, match[1]); problem != "" {
					t.Errorf("%s:%d: %s", file, i+1, problem)
				}
			}
		}
	}
}

// missing returns what is wrong with a code span, or "".
func missing(packages map[string]string, text string) string {
	if pathSpan.MatchString(text) {
		if _, err := os.Stat(filepath.Join(root, text)); err != nil {
			return err.Error()
		}
		return ""
	}
	name := nameSpan.FindStringSubmatch(text)
	if name == nil || packages[name[1]] == "" {
		return ""
	}
	for _, part := range name[2:] {
		declared := regexp.MustCompile(`(?m)^(func|type|var|const)\b[^\n{]*\b` + part + `\b|^\t` + part + `\b`)
		if part != "" && !declared.MatchString(packages[name[1]]) {
			return "package " + name[1] + " declares no " + part
		}
	}
	return ""
}

// TestTypeNames requires that no two types of a package differ by case alone. Commands are left
// out, because the grammar of the command line names them.
func TestTypeNames(t *testing.T) {
	types := make(map[string]string) // by directory and name in lower case
	for _, file := range files(t, isProgram) {
		dir := path.Dir(file)
		if path.Dir(dir) == "internal/command" {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			group, ok := declaration.(*ast.GenDecl)
			if !ok || group.Tok != token.TYPE {
				continue
			}
			for _, spec := range group.Specs {
				name := spec.(*ast.TypeSpec).Name.Name
				key := dir + " " + strings.ToLower(name)
				if other, ok := types[key]; ok && other != name {
					t.Errorf("%s: the types %s and %s of the package differ by case alone", file, name, other)
				}
				types[key] = name
			}
		}
	}
}
