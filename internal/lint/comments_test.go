package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	// qualified is a name of a package in a comment, such as repo.Open or mail.Splitter.Next.
	qualified = regexp.MustCompile(`\b([a-z]\w*)\.([A-Z]\w*)(?:\.(\w+))?`)

	// mixed is a word that only an identifier looks like. After a dot it belongs to a package.
	mixed = regexp.MustCompile(`(?:^|[^.\w])([a-z]+[A-Z]\w*|[A-Z][a-z][a-z0-9]*[A-Z]\w*)`)

	// goFile is a Go file, of the directory of the comment or below the root.
	goFile = regexp.MustCompile(`[\w./-]*\b\w+\.go\b`)
)

// foreign are words of comments that look like identifiers and name things of others.
var foreign = set(`CommandLineToArgvW DavMail DevTools DrawingML GetObjectRetention GitHub MathML OpenID PatchObject
	PresentationML SetCredentialEncrypted SpreadsheetML WordprocessingML exFAT nsMsgMessageFlags vCard`)

func set(words string) map[string]bool {
	all := make(map[string]bool)
	for _, word := range strings.Fields(words) {
		all[word] = true
	}
	return all
}

// names are what the Go files of this module name.
type names struct {
	all       map[string]bool            // identifiers, and words of string literals
	inPackage map[string]map[string]bool // identifiers, by the last element of the package's path
}

// TestCommentNames requires that the identifiers and Go files that comments name exist.
func TestCommentNames(t *testing.T) {
	positions := token.NewFileSet()
	parsed := make(map[string]*ast.File)
	known := names{make(map[string]bool), make(map[string]map[string]bool)}
	for _, file := range files(t, isGo) {
		source, err := parser.ParseFile(positions, filepath.Join(root, file), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed[file] = source
		known.add(path.Base(path.Dir(file)), source)
	}
	for file, source := range parsed {
		for _, group := range source.Comments {
			for _, comment := range group.List {
				for _, name := range known.missing(file, source, comment.Text) {
					t.Errorf("%s: the comment names %s, which does not exist", positions.Position(comment.Pos()), name)
				}
			}
		}
	}
}

func (n names) add(pkg string, source *ast.File) {
	if n.inPackage[pkg] == nil {
		n.inPackage[pkg] = make(map[string]bool)
	}
	ast.Inspect(source, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.Ident:
			n.all[node.Name], n.inPackage[pkg][node.Name] = true, true
		case *ast.BasicLit:
			for _, match := range mixed.FindAllStringSubmatch(node.Value, -1) {
				n.all[match[1]] = true
			}
		}
		return true
	})
}

// missing returns what a comment of a file names that does not exist.
func (n names) missing(file string, source *ast.File, comment string) (lacks []string) {
	for _, match := range qualified.FindAllStringSubmatch(comment, -1) {
		here := n.inPackage[match[1]]
		if here == nil || importsOther(source, match[1]) {
			continue
		}
		if !here[match[2]] || match[3] != "" && !here[match[3]] {
			lacks = append(lacks, match[0])
		}
	}
	for _, match := range mixed.FindAllStringSubmatch(comment, -1) {
		word := match[1]
		if one := strings.TrimSuffix(word, "s"); !n.all[word] && !n.all[one] && !foreign[word] && !foreign[one] {
			lacks = append(lacks, word)
		}
	}
	for _, name := range goFile.FindAllString(comment, -1) {
		_, beside := os.Stat(filepath.Join(root, path.Dir(file), name))
		_, below := os.Stat(filepath.Join(root, name))
		if beside != nil && below != nil {
			lacks = append(lacks, name)
		}
	}
	return lacks
}

// importsOther reports whether a file imports a package of this name that is not of this module.
func importsOther(source *ast.File, name string) bool {
	for _, spec := range source.Imports {
		if at, err := strconv.Unquote(spec.Path.Value); err == nil && path.Base(at) == name && !strings.HasPrefix(at, module) {
			return true
		}
	}
	return false
}
