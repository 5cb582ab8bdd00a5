// Package edit changes a configuration, and leaves what it does not change as its owner wrote it:
// comments, order and blank lines.
//
//	Append   adds a table to an array of tables
//	Remove   removes one, with the comment above it
//	Set      sets a key of one
//
// Each finds the lines by the parser of TOML (headings.go), changes them, and parses the result:
// unless the values are exactly those that the change asks for, it returns an error and the user
// has to edit the file. A byte order mark and the line ends of Windows stay; a file in UTF-16
// becomes UTF-8.
package edit

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/mailstrata/mailstrata/internal/plaintext"
)

// ErrByHand means that the text is written in a way that this package does not change.
var ErrByHand = errors.New("the configuration is written in a way that mailstrata does not change by itself; edit it by hand")

// Pair is a key and its value, which is a text, true, or a number.
type Pair struct {
	Key   string
	Value any
}

// Table returns the lines of a table: its heading and its keys. Keys whose value is "" or false are
// left out.
func Table(heading string, pairs ...Pair) string {
	var b strings.Builder
	b.WriteString(heading + "\n")
	for _, p := range pairs {
		switch value := p.Value.(type) {
		case string:
			if value != "" {
				b.WriteString(p.Key + " = " + Quote(value) + "\n")
			}
		case bool:
			if value {
				b.WriteString(p.Key + " = true\n")
			}
		default:
			fmt.Fprintf(&b, "%s = %v\n", p.Key, value)
		}
	}
	return b.String()
}

// Quote returns a basic string of TOML 1.0.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(text, "\ufffd") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Append adds a table, as [Table] returns it, after the last one of the array, or else at the end.
func Append(file []byte, array, table string) ([]byte, error) {
	f, err := read(file)
	if err != nil {
		return nil, err
	}
	text, before := f.text, f.values
	blocks := blocksOf(text)
	at := len(text)
	for i, b := range blocks {
		if b.array && b.name == array {
			at = len(text)
			if i+1 < len(blocks) {
				at = blocks[i+1].begin
			}
		}
	}
	head, tail := bytes.TrimRight(text[:at], "\n\r\t "), text[at:]
	var b bytes.Buffer
	if len(head) > 0 {
		b.Write(head)
		b.WriteString(f.eol + f.eol)
	}
	b.WriteString(strings.ReplaceAll(table, "\n", f.eol))
	if len(tail) > 0 {
		b.WriteString(f.eol)
		b.Write(tail)
	}
	added, err := values([]byte(table))
	if err != nil {
		return nil, err
	}
	elements, _ := added[array].([]any)
	existing, _ := before[array].([]any)
	before[array] = append(slices.Clone(existing), elements...)
	return f.confirmed(b.Bytes())
}

// Remove removes the i-th table of an array, with the comment directly above it.
func Remove(file []byte, array string, i int) ([]byte, error) {
	f, err := read(file)
	if err != nil {
		return nil, err
	}
	text, want := f.text, f.values
	b, ok := find(text, array, i)
	if !ok {
		return nil, ErrByHand
	}
	elements, ok := want[array].([]any)
	if !ok || i >= len(elements) {
		return nil, ErrByHand
	}
	if want[array] = slices.Delete(slices.Clone(elements), i, i+1); len(elements) == 1 {
		delete(want, array)
	}
	rest := bytes.TrimRight(text[:b.begin], "\n\r\t ")
	if tail := text[b.end:]; len(tail) > 0 {
		if len(rest) > 0 {
			rest = append(slices.Clone(rest), f.eol+f.eol...)
		}
		rest = append(slices.Clone(rest), tail...)
	} else if len(rest) > 0 {
		rest = append(slices.Clone(rest), f.eol...)
	}
	return f.confirmed(rest)
}

// Set sets a key of the i-th table of an array to a text.
func Set(file []byte, array string, i int, key, value string) ([]byte, error) {
	f, err := read(file)
	if err != nil {
		return nil, err
	}
	text, want := f.text, f.values
	b, ok := find(text, array, i)
	if !ok {
		return nil, ErrByHand
	}
	elements, _ := want[array].([]any)
	element, ok := any(nil), i < len(elements)
	if ok {
		element = elements[i]
	}
	table, ok := element.(map[string]any)
	if !ok {
		return nil, ErrByHand
	}
	table[key] = value
	begin, end := b.body, b.body
	replacement := key + " = " + Quote(value) + f.eol
	if span, has := b.keys[key]; has {
		begin, end, replacement = span[0], span[1], Quote(value)
	} else if b.body > 0 && text[b.body-1] != '\n' {
		replacement = f.eol + replacement // the heading is the last line, and has no end
	}
	return f.confirmed(slices.Concat(text[:begin], []byte(replacement), text[end:]))
}

// file is a configuration as an editor saved it.
type file struct {
	mark   []byte // the byte order mark, or nothing
	text   []byte // the rest, in UTF-8
	eol    string // how its lines end
	values map[string]any
}

var mark = []byte("\ufeff")

func read(saved []byte) (f *file, err error) {
	f = &file{eol: "\n"}
	if bytes.HasPrefix(saved, mark) {
		f.mark = mark
	}
	if f.text, err = plaintext.Decode(saved); err != nil {
		return nil, fmt.Errorf("the configuration cannot be changed: %w", err)
	}
	if end := bytes.IndexByte(f.text, '\n'); end > 0 && f.text[end-1] == '\r' {
		f.eol = "\r\n"
	}
	f.values, err = values(f.text)
	return f, err
}

// confirmed returns the file with another text, if that has the values of f, which the caller has
// changed.
func (f *file) confirmed(text []byte) ([]byte, error) {
	got, err := values(text)
	if err != nil || !reflect.DeepEqual(got, f.values) {
		return nil, ErrByHand
	}
	return slices.Concat(f.mark, text), nil
}

func values(text []byte) (map[string]any, error) {
	v := make(map[string]any)
	if err := toml.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("the configuration cannot be changed, because it has an error: %w", err)
	}
	return v, nil
}
