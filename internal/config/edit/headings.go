package edit

import (
	"bytes"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// block is a table: its heading, the lines below it, and the comment directly above it.
type block struct {
	name  string // of the heading, with dots
	array bool   // [[name]]
	begin int    // where the comment above the heading begins, or the heading
	body  int    // where the line after the heading begins
	end   int    // where the next block begins

	keys map[string][2]int // where the values of simple keys are
}

// blocksOf returns the tables of a text that is valid TOML.
func blocksOf(text []byte) (blocks []*block) {
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() {
		node := p.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			key := node.Key()
			var parts []string
			at := -1
			for key.Next() {
				if at < 0 {
					at = int(key.Node().Raw.Offset)
				}
				parts = append(parts, string(key.Node().Data))
			}
			begin, body := lineOf(text, at)
			begin = commentAbove(text, begin)
			if n := len(blocks); n > 0 {
				blocks[n-1].end = begin
			}
			blocks = append(blocks, &block{
				name: strings.Join(parts, "."), array: node.Kind == unstable.ArrayTable,
				begin: begin, body: body, end: len(text), keys: make(map[string][2]int),
			})
		case unstable.KeyValue:
			if len(blocks) > 0 {
				blocks[len(blocks)-1].note(node)
			}
		}
	}
	return blocks
}

// note remembers where the value of a key is, if it is a text.
func (b *block) note(node *unstable.Node) {
	key := node.Key()
	if !key.Next() {
		return
	}
	name, value := string(key.Node().Data), node.Value()
	if key.Next() || value.Kind != unstable.String {
		return
	}
	b.keys[name] = [2]int{int(value.Raw.Offset), int(value.Raw.Offset + value.Raw.Length)}
}

// lineOf returns where the line of an offset begins, and where the next one does.
func lineOf(text []byte, at int) (begin, next int) {
	begin = bytes.LastIndexByte(text[:at], '\n') + 1
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return begin, at + i + 1
	}
	return begin, len(text)
}

// commentAbove returns where the comment begins that ends directly above a line.
func commentAbove(text []byte, line int) int {
	for line > 0 {
		begin := bytes.LastIndexByte(text[:line-1], '\n') + 1
		if !bytes.HasPrefix(bytes.TrimLeft(text[begin:line], " \t"), []byte("#")) {
			break
		}
		line = begin
	}
	return line
}

// find returns the i-th table of an array.
func find(text []byte, array string, i int) (*block, bool) {
	for _, b := range blocksOf(text) {
		if !b.array || b.name != array {
			continue
		}
		if i == 0 {
			return b, true
		}
		i--
	}
	return nil, false
}
