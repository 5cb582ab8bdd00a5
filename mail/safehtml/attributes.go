package safehtml

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// attributes are attributes of a tag that have a rule, by name.
type attributes map[string]string

const maxTitle = 2000 // bytes of a text in an attribute

// Expressions are compiled when they are first used, because most runs of the program use none. A
// repetition of all letters that has a limit would take megabytes and milliseconds.
var (
	number   = expression(`^[0-9]{1,5}%?$`)
	color    = expression(`^#?[0-9a-zA-Z]{1,30}$`)
	word     = expression(`^[0-9a-zA-Z-]{1,30}$`)
	size     = expression(`^[+-]?[0-9]{1,2}$`)
	families = expression(`^[\pL\pN ,'_-]+$`)
)

// expression returns a function that returns the compiled expression.
func expression(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// attributeRules are the attributes that are allowed, and what their values must be. A rule returns
// the value to be written, or false. Those that are written by other rules have none: style, and
// what refers to URLs.
var attributeRules = map[string]func(value string) (string, bool){
	"href": nil, "src": nil, "style": nil,

	"align": matches(word), "bgcolor": matches(color), "border": matches(number), "cellpadding": matches(number),
	"cellspacing": matches(number), "clear": matches(word), "color": matches(color), "colspan": matches(number),
	"dir": matches(word), "face": matches(families), "height": matches(number), "lang": matches(word), "noshade": flag,
	"nowrap": flag, "open": flag, "reversed": flag, "rowspan": matches(number), "scope": matches(word), "size": matches(size),
	"span": matches(number), "start": matches(size), "text": matches(color), "type": matches(word), "valign": matches(word),
	"width": matches(number), "alt": title, "title": title,
}

// order has the attributes of an element in the order in which they are written. The others of
// attributeRules are not allowed there.
var order = func() map[atom.Atom][]string {
	everywhere := []string{"align", "bgcolor", "dir", "lang", "title"}
	special := map[atom.Atom][]string{
		atom.Font:    {"color", "face", "size"},
		atom.Img:     {"alt", "border", "height", "width"},
		atom.Table:   {"border", "cellpadding", "cellspacing", "height", "width"},
		atom.Td:      {"colspan", "height", "nowrap", "rowspan", "valign", "width"},
		atom.Th:      {"colspan", "height", "nowrap", "rowspan", "scope", "valign", "width"},
		atom.Tr:      {"height", "valign"},
		atom.Tbody:   {"valign"},
		atom.Col:     {"span", "width"},
		atom.Hr:      {"color", "noshade", "size", "width"},
		atom.Br:      {"clear"},
		atom.Ol:      {"reversed", "start", "type"},
		atom.Ul:      {"type"},
		atom.Li:      {"type"},
		atom.Details: {"open"},
	}
	all := map[atom.Atom][]string{}
	for tag := range elements {
		all[tag] = append(append([]string{}, everywhere...), special[tag]...)
	}
	return all
}()

// startTag returns the tag that begins an element, or nothing if the element has no meaning with
// the attributes that are left.
func (s *sanitizer) startTag(tag atom.Atom, attrs attributes) string {
	var b strings.Builder
	b.WriteString("<" + tag.String())
	if tag == atom.A {
		link, ok := s.link(attrs["href"])
		if !ok {
			return ""
		}
		delete(attrs, "title")
		b.WriteString(link)
	}
	allowed := attrs.allowed(tag)
	s.colored = s.colored || strings.Contains(allowed, "color") || strings.Contains(allowed, "background")
	b.WriteString(allowed)
	b.WriteByte('>')
	return b.String()
}

// colors moves the colors of the element body to its style. They are those of the message.
func (a attributes) colors() {
	for name, property := range map[string]string{"bgcolor": "background-color", "text": "color"} {
		if value, has := a[name]; has {
			a["style"] = property + ":" + value + ";" + a["style"]
			delete(a, name)
		}
	}
}

// allowed returns the attributes that an element may have.
func (a attributes) allowed(tag atom.Atom) string {
	if len(a) == 0 {
		return ""
	}
	var b strings.Builder
	for _, name := range order[tag] {
		if value, has := a[name]; has {
			if value, ok := attributeRules[name](value); ok {
				writeAttribute(&b, name, value)
			}
		}
	}
	if value := safeStyle(a["style"]); value != "" {
		writeAttribute(&b, "style", value)
	}
	return b.String()
}

func writeAttribute(b *strings.Builder, name, value string) {
	b.WriteString(" " + name + `="` + html.EscapeString(value) + `"`)
}

func matches(pattern func() *regexp.Regexp) func(string) (string, bool) {
	return func(value string) (string, bool) {
		value = strings.TrimSpace(value)
		if len(value) > 200 {
			return "", false
		}
		return value, pattern().MatchString(value)
	}
}

func flag(string) (string, bool) { return "", true }

// title makes a text of an attribute one line.
func title(value string) (string, bool) {
	if len(value) > maxTitle {
		value = strings.ToValidUTF8(value[:maxTitle], "")
	}
	value = strings.Join(strings.Fields(printable(value)), " ")
	return value, true
}

// printable returns a text without the control characters that are no white space.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}
