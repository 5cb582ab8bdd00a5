package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// table is a table of the file while it is parsed. Each method reads a key of one type. A wrong
// type or an unknown key is a problem, and parsing continues, so that all problems are reported at
// once.
type table struct {
	parser *parser
	path   string
	values map[string]any
	known  []string
}

// wrong reports a problem of a key, or of the table if the key is "".
func (t *table) wrong(key, format string, args ...any) {
	path := t.path
	if key != "" {
		path = join(path, key)
	}
	t.parser.problems = append(t.parser.problems, Problem{
		File: t.parser.file, Line: t.parser.lines.at(path), Key: key, Text: fmt.Sprintf(format, args...),
	})
}

// unknown reports a problem with the known names.
func (t *table) unknown(key string, known []string, format string, args ...any) {
	t.wrong(key, format, args...)
	t.parser.problems[len(t.parser.problems)-1].Known = known
}

func (t *table) has(key string) bool {
	_, ok := t.values[key]
	return ok
}

// valueOf returns the value of a key, and whether it is there and of the type T. should says what
// it should be.
func valueOf[T any](t *table, key, should string, args ...any) (value T, ok bool) {
	t.known = append(t.known, key)
	found, ok := t.values[key]
	if !ok {
		return value, false
	}
	if value, ok = found.(T); !ok {
		t.wrong(key, "is %s; %s", kindOf(found), fmt.Sprintf(should, args...))
	}
	return value, ok
}

func (t *table) text(key string) string {
	text, ok := valueOf[string](t, key, "it should be text, in quotes")
	switch {
	case !ok:
	case text == "":
		t.wrong(key, `is empty; leave it out`)
	case strings.ContainsRune(text, 0):
		t.wrong(key, `holds a NUL`)
		return ""
	}
	return text
}

// choice returns a text that is one of these words.
func (t *table) choice(key string, words ...string) string {
	text := t.text(key)
	if text != "" && !slices.Contains(words, text) {
		t.unknown(key, words, "is %q; it should be one of %s", text, strings.Join(words, ", "))
	}
	return text
}

// parsed sets the value of a key that is a text, if there is one.
func parsed[T any](t *table, key string, to *T, parse func(string) (T, error)) {
	text := t.text(key)
	if text == "" {
		return
	}
	var err error
	if *to, err = parse(text); err != nil {
		t.wrong(key, "%v", err)
	}
}

// file returns a path.
func (t *table) file(key string) string {
	text := t.text(key)
	if text == "" {
		return ""
	}
	return t.parser.resolve(text)
}

// resolve returns a path of the file. "~" is the home directory; other paths are relative to the
// file.
func (p *parser) resolve(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && p.home != "" {
		return filepath.Join(p.home, rest)
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(p.file), path)
}

func (t *table) texts(key string) []string {
	elements, _ := valueOf[[]any](t, key, `it should be a list of texts: ["…", "…"]`)
	var texts []string
	for _, element := range elements {
		text, ok := element.(string)
		if !ok || text == "" {
			t.wrong(key, `holds %s; it should be a list of texts: ["…", "…"]`, kindOf(element))
			return nil
		}
		texts = append(texts, text)
	}
	return texts
}

func (t *table) flag(key string) bool {
	flag, _ := valueOf[bool](t, key, "it should be true or false, without quotes")
	return flag
}

// number returns a number from 1 to most, or 0 without the key.
func (t *table) number(key string, most int64) int {
	n, ok := valueOf[int64](t, key, "it should be a number, without quotes")
	if ok && (n < 1 || n > most) {
		t.wrong(key, "is %d; it should be from 1 to %d", n, most)
		return 0
	}
	return int(n)
}

// table returns the table of a key, or nil.
func (t *table) table(key string) *table {
	values, ok := valueOf[map[string]any](t, key, "it should be a table: [%s]", key)
	if !ok {
		return nil
	}
	return &table{parser: t.parser, path: join(t.path, key), values: values}
}

// tables returns the tables of an array.
func (t *table) tables(key string) (tables []*table) {
	elements, _ := valueOf[[]any](t, key, "each one begins with the line [[%s]]", key)
	for i, element := range elements {
		path := fmt.Sprintf("%s.%d", join(t.path, key), i)
		values, ok := element.(map[string]any)
		if !ok {
			t.wrong(key, "holds %s; each one begins with the line [[%s]]", kindOf(element), key)
			continue
		}
		tables = append(tables, &table{parser: t.parser, path: path, values: values})
	}
	return tables
}

// literal maps keys with which users write the secret itself to the prefix of the keys that say
// where it comes from.
var literal = map[string]string{
	"secret": "secret", "password": "secret", "passphrase": "secret", "token": "secret", "oauth2_token": "secret",
	"client_secret": "client_secret", "ping": "ping", "ping_url": "ping",
}

// end reports the unknown keys.
func (t *table) end() {
	slices.Sort(t.known)
	for key := range t.values {
		if slices.Contains(t.known, key) {
			continue
		}
		if as := literal[key]; slices.Contains(t.known, as+"_file") {
			t.wrong(key, "secrets do not belong in this file: put it into a file that only you can read, and set %[1]s_file; or use %[1]s_command, %[1]s_env, %[1]s_credential or %[1]s_keyring", as)
			continue
		}
		t.unknown(key, t.known, "unknown key")
	}
}

// kindOf returns the type of a value, not the value, which may be a secret in the wrong place.
func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "a text"
	case int64:
		return "a number"
	case float64:
		return "a number with a fraction"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date"
}
