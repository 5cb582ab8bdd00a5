package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// docs/json.md names each field of --json, and no others.
func TestJSONIsDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := jsonFields(t)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !strings.Contains(string(document), "`"+name+"`") {
			t.Errorf("docs/json.md does not name the field %q", name)
		}
	}
	row := regexp.MustCompile("(?m)^\\| (`[^|]*) \\|")
	for _, match := range row.FindAllStringSubmatch(string(document), -1) {
		for _, name := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(match[1], -1) {
			if !fields[name[1]] {
				t.Errorf("docs/json.md names %q, which is no field", name[1])
			}
		}
	}
}

// jsonFields returns the names in the struct tags of the commands and of package doctor.
func jsonFields(t *testing.T) map[string]bool {
	files := []string{"../../internal/doctor/doctor.go"}
	for _, packages := range []string{".", "../../internal/command/*", "../../internal/cli/*"} {
		found, err := filepath.Glob(packages + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	fields := make(map[string]bool)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil {
				tag, err := strconv.Unquote(field.Tag.Value)
				if err != nil {
					t.Fatal(err)
				}
				if name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ","); name != "" {
					fields[name] = true
				}
			}
			return true
		})
	}
	return fields
}
