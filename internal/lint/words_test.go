package lint

import (
	"go/scanner"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

// words are those that this project does not use, and what it says instead.
var words = []struct {
	not     *regexp.Regexp
	instead string
}{
	{word(`tell|tells|telling|told`), "show, report, print, return or say"},
	{word(`lay|lays|laid`), "write or commit; put; lie"},
	{word(`anew`), "again, or newly"},
	{word(`lest`), "so that … not"},
	{word(`whoever`), "anyone who, or name the program or person"},
	{word(`nobody's`), "no user's, no one's"},
	{regexp.MustCompile(`\b[Ii]s none\b`), "is not a …, or does not count"},
	{word(`can be had`), "can be read, is available"},
	{word(`had better`), "should"},
	{word(`by (its|his|their) own lights`), "leave it out"},
	{word(`puts? down|putting down`), "write, record"},
	{word(`(is|are) meant to`), "leave it out, or say that it must"},
	{word(`as good as`), "almost, or in effect"},
	{word(`what is more`), "also"},
	{regexp.MustCompile(`(?i)\bat that[.,;:)]`), "leave it out"},
	{regexp.MustCompile(`(?i)\bfor good\b( [^a-z]|[.,;:)]|$)`), "permanently"},
	{regexp.MustCompile(`(^|[.:;] )Who (can|could|may|has|have|had|holds|is|does|did|knows|reads|writes|wants|only|deletes|sees)\b`), "anyone with …; a host that …"},
	{word(`\w*(recogni|normali|serial?i|synchroni|organi|authori|initiali|minimi|optimi|summari|reali|emphasi|canonicali|finali|capitali)s(e|es|ed|ing|ation|ations|er|ers)`), "American spelling: -ize"},
	{word(`behaviours?|colours?|coloured|honours?|honoured|neighbours?|neighbouring|favours?|labour\w*|centres?|cancelled|cancelling|labelled|labelling|travelled|licence|grey|catalogues?`), "American spelling"},
}

// allowed are phrases that contain some of them, and are fine.
var allowed = regexp.MustCompile(`(?i)there (is|was) none|laid out|lays? out|could tell when rain|for good (reason|measure)`)

func word(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)\b(` + pattern + `)\b`) }

// TestWords looks for them in the comments and string literals of Go files, and in documents and
// scripts.
func TestWords(t *testing.T) {
	isText := func(file string) bool {
		switch path.Ext(file) {
		case ".go", ".md", ".py", ".service", ".timer", ".yaml", ".toml":
			return !strings.HasPrefix(file, "internal/lint/")
		}
		return file == "Makefile" || file == "Dockerfile" || file == ".ci/run" || file == "testbed/packages" || strings.HasPrefix(file, "contrib/")
	}
	for _, file := range files(t, isText) {
		text := read(t, file)
		if isGo(file) {
			text = prose(text)
		}
		for i, line := range strings.Split(text, "\n") {
			if file == "CONTRIBUTING.md" && strings.HasPrefix(line, "|") {
				continue // the list of these words
			}
			line = allowed.ReplaceAllString(line, "")
			for _, w := range words {
				if found := w.not.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: %s", file, i+1, found, w.instead)
				}
			}
		}
	}
}

// prose returns the comments and string literals of a Go file, each on its own line, and nothing of
// the rest.
func prose(source string) string {
	var s scanner.Scanner
	set := token.NewFileSet()
	file := set.AddFile("", set.Base(), len(source))
	s.Init(file, []byte(source), nil, scanner.ScanComments)
	kept := make([]byte, len(source))
	for i := range kept {
		if kept[i] = ' '; source[i] == '\n' {
			kept[i] = '\n'
		}
	}
	for {
		pos, tok, literal := s.Scan()
		switch tok {
		case token.EOF:
			return string(kept)
		case token.COMMENT, token.STRING:
			copy(kept[file.Offset(pos):], literal)
		}
	}
}
