package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lines maps the paths of keys to their lines: "accounts.2.url" is the url of the third account.
// The parser of values does not report lines, so the file is parsed again for its keys.
type lines struct {
	ends   []int // where each line ends
	first  map[string]int
	tables map[string]int // how many elements an array of tables has so far
}

func findLines(text []byte) *lines {
	l := &lines{first: make(map[string]int), tables: make(map[string]int)}
	for i, c := range text {
		if c == '\n' {
			l.ends = append(l.ends, i)
		}
	}
	var p unstable.Parser
	p.Reset(text)
	current := ""
	for p.NextExpression() {
		node := p.Expression()
		switch node.Kind {
		case unstable.Table:
			current = l.enter(node.Key(), false)
		case unstable.ArrayTable:
			current = l.enter(node.Key(), true)
		case unstable.KeyValue:
			l.pair(current, node)
		}
	}
	return l
}

// at returns the line of a key, or else of the table that it belongs to.
func (l *lines) at(path string) int {
	for {
		if line, ok := l.first[path]; ok {
			return line
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return 0
		}
		path = path[:i]
	}
}

// note remembers a key.
func (l *lines) note(path string, key *unstable.Node) {
	if _, again := l.first[path]; !again {
		line, _ := slices.BinarySearch(l.ends, int(key.Raw.Offset))
		l.first[path] = line + 1
	}
}

// enter returns the path of the table that a heading begins.
func (l *lines) enter(key unstable.Iterator, array bool) string {
	path := ""
	for key.Next() {
		node := key.Node()
		path = join(path, string(node.Data))
		if array && key.IsLast() {
			path = fmt.Sprintf("%s.%d", path, l.tables[path])
			l.tables[path[:strings.LastIndexByte(path, '.')]]++
		} else if n := l.tables[path]; n > 0 {
			path = fmt.Sprintf("%s.%d", path, n-1)
		}
		l.note(path, node)
	}
	return path
}

// pair notes a key, and those in its value.
func (l *lines) pair(path string, node *unstable.Node) {
	for key := node.Key(); key.Next(); {
		path = join(path, string(key.Node().Data))
		l.note(path, key.Node())
	}
	l.value(path, node.Value())
}

func (l *lines) value(path string, node *unstable.Node) {
	switch node.Kind {
	case unstable.InlineTable:
		for children := node.Children(); children.Next(); {
			l.pair(path, children.Node())
		}
	case unstable.Array:
		i := 0
		for children := node.Children(); children.Next(); i++ {
			l.value(fmt.Sprintf("%s.%d", path, i), children.Node())
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
