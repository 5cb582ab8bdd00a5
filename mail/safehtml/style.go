package safehtml

import (
	"strings"
	"unicode/utf8"
)

const (
	maxStyle = 8 << 10 // bytes of a style attribute
	maxValue = 500     // characters of the value of a property
)

// properties are those that are allowed. None of them loads anything, moves an element out of its
// place, or reacts to the reader. A name that ends with "-" stands for all that begin with it.
var properties = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields(`
		background background-color border border-collapse border-color border-radius border-spacing border-style border-width
		border-bottom border-bottom-color border-bottom-left-radius border-bottom-right-radius border-bottom-style
		border-bottom-width border-left border-left-color border-left-style border-left-width border-right border-right-color
		border-right-style border-right-width border-top border-top-color border-top-left-radius border-top-right-radius
		border-top-style border-top-width box-sizing caption-side clear color direction display empty-cells float font
		font-family font-size font-style font-variant font-weight height letter-spacing line-height list-style list-style-position
		list-style-type margin margin-bottom margin-left margin-right margin-top max-height max-width min-height min-width
		opacity overflow overflow-wrap overflow-x overflow-y padding padding-bottom padding-left padding-right padding-top
		table-layout text-align text-decoration text-indent text-overflow text-transform unicode-bidi vertical-align visibility
		white-space width word-break word-spacing word-wrap`) {
		all[name] = true
	}
	return all
}()

var (
	// styleValue has no backslash (escapes), no slash beside an asterisk (comments), and no braces,
	// colons or at-signs.
	styleValue = expression(`^[\pL\pN #%.,()'"!+_/-]+$`)
	// function is a name with a parenthesis.
	function = expression(`([\pL\pN_-]*)\s*\(`)
	// functions are those that only compute.
	functions = expression(`^(?i:rgb|rgba|hsl|hsla|calc)$`)
)

// safeStyle returns the declarations of a style attribute that are allowed. To split at each
// semicolon takes URLs and strings apart that contain one. The pieces are then unbalanced, and are
// dropped for that.
func safeStyle(style string) string {
	if style == "" || len(style) > maxStyle {
		return ""
	}
	var kept []string
	for declaration := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(declaration, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		value = strings.Join(strings.Fields(value), " ")
		if properties[name] && safeValue(value) {
			kept = append(kept, name+": "+value)
		}
	}
	return strings.Join(kept, "; ")
}

// safeValue reports whether a value of a declaration is allowed.
func safeValue(value string) bool {
	if utf8.RuneCountInString(value) > maxValue || !styleValue().MatchString(value) || !balanced(value) {
		return false
	}
	for _, call := range function().FindAllStringSubmatch(value, -1) {
		if !functions().MatchString(call[1]) {
			return false
		}
	}
	return true
}

// balanced reports whether all strings and parentheses of a value end.
func balanced(value string) bool {
	depth, quote := 0, rune(0)
	for _, c := range value {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
			if depth < 0 {
				return false
			}
		}
	}
	return depth == 0 && quote == 0
}
