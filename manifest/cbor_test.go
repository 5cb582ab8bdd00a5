package manifest

import (
	"encoding/binary"
	"slices"
)

// node is a parsed CBOR item (RFC 8949 section 3), which tests can write in encodings that the
// format does not allow.
type node struct {
	major    byte
	value    uint64
	bytes    []byte  // of a string
	children []*node // of an array; of a map: key, value, key, value …
}

// dissect parses the first item of b, which encoding wrote.
func dissect(b []byte) (*node, []byte) {
	n := &node{major: b[0] >> 5}
	size := 0
	switch low := b[0] & 31; {
	case low < 24:
		n.value = uint64(low)
	default:
		size = 1 << (low - 24)
		var wide [8]byte
		copy(wide[8-size:], b[1:1+size])
		n.value = binary.BigEndian.Uint64(wide[:])
	}
	b = b[1+size:]
	count := uint64(0)
	switch n.major {
	case 2, 3:
		n.bytes, b = b[:n.value], b[n.value:]
	case 4:
		count = n.value
	case 5:
		count = 2 * n.value
	}
	for range count {
		var child *node
		child, b = dissect(b)
		n.children = append(n.children, child)
	}
	return n, b
}

// head writes a major type and a value, in size bytes after the first, 0 for the fewest.
func head(major byte, value uint64, size int) []byte {
	if size == 0 {
		switch {
		case value < 24:
			return []byte{major<<5 | byte(value)}
		case value < 1<<8:
			size = 1
		case value < 1<<16:
			size = 2
		case value < 1<<32:
			size = 4
		default:
			size = 8
		}
	}
	low := map[int]byte{1: 24, 2: 25, 4: 26, 8: 27}[size]
	b := binary.BigEndian.AppendUint64(nil, value)
	return append([]byte{major<<5 | low}, b[8-size:]...)
}

// write encodes the item again. other, if not nil, may encode any item itself.
func (n *node) write(other func(*node) ([]byte, bool)) []byte {
	if other != nil {
		if b, ok := other(n); ok {
			return b
		}
	}
	b := head(n.major, n.value, 0)
	b = append(b, n.bytes...)
	for _, c := range n.children {
		b = append(b, c.write(other)...)
	}
	return b
}

// all yields the item and all items within it.
func (n *node) all() []*node {
	nodes := []*node{n}
	for _, c := range n.children {
		nodes = append(nodes, c.all()...)
	}
	return nodes
}

// extensions are the items within the maps under key 63.
func (n *node) extensions() map[*node]bool {
	within := make(map[*node]bool)
	for _, m := range n.all() {
		for i := 0; m.major == 5 && i < len(m.children); i += 2 {
			if key := m.children[i]; key.major == 0 && key.value == 63 {
				for _, e := range m.children[i+1].all() {
					within[e] = true
				}
			}
		}
	}
	return within
}

// variants returns other encodings of one item. Most have the same value; some have values that the
// format does not allow.
func (n *node) variants() map[string][]byte {
	tail := slices.Clone(n.bytes)
	for _, c := range n.children {
		tail = append(tail, c.write(nil)...)
	}
	v := map[string][]byte{
		"tagged":       append([]byte{0xc1}, n.write(nil)...),
		"null":         {0xf6},
		"undefined":    {0xf7},
		"simple value": {0xf0},
		"float":        {0xf9, 0x3c, 0x00},
		"break":        {0xff},
	}
	if n.major == 7 {
		v["false for true"] = []byte{0xf4}
		v["true in two bytes"] = []byte{0xf8, 0x15}
		return v
	}
	for _, size := range []int{1, 2, 4, 8} {
		if longer := head(n.major, n.value, size); len(longer) > len(head(n.major, n.value, 0)) {
			v["head of "+string('0'+rune(size))] = append(longer, tail...)
		}
	}
	switch n.major {
	case 0, 1:
		v["as a bignum"] = append([]byte{0xc2 + n.major}, append(head(2, 8, 0), binary.BigEndian.AppendUint64(nil, n.value)...)...)
		v["as a double"] = append([]byte{0xfb}, make([]byte, 8)...)
		v["as an array"] = []byte{0x80}
		v["too large"] = head(0, 1<<64-1, 0)
		v["too small"] = head(1, 1<<64-1, 0)
	case 2:
		v["as text"] = append(head(3, n.value, 0), tail...)
		v["in pieces"] = append([]byte{0x5f}, append(n.write(nil), 0xff)...)
		v["as numbers"] = head(4, n.value, 0)
		for _, c := range n.bytes {
			v["as numbers"] = append(v["as numbers"], head(0, uint64(c), 0)...)
		}
		v["cut short"] = append(head(2, n.value, 0), tail[:max(0, len(tail)-1)]...)
	case 4:
		v["indefinite"] = append(append([]byte{0x9f}, tail...), 0xff)
		v["longer than the input"] = append(head(4, 1<<31, 0), tail...)
		v["one null more"] = append(append(head(4, n.value+1, 0), tail...), 0xf6)
	case 5:
		v["indefinite"] = append(append([]byte{0xbf}, tail...), 0xff)
		v["unknown key"] = append(append(head(5, n.value+1, 0), tail...), 0x18, 0x3e, 0x00)
		v["text key"] = append(append(head(5, n.value+1, 0), tail...), 0x61, 'x', 0x00)
		if len(n.children) >= 2 {
			pair := append(n.children[0].write(nil), n.children[1].write(nil)...)
			v["key twice"] = append(append(head(5, n.value+1, 0), tail...), pair...)
			v["empty entry"] = append(append(head(5, n.value+1, 0), tail...), 0x18, 0x3f, 0xa0)
		}
		if len(n.children) >= 4 {
			pair := append(n.children[0].write(nil), n.children[1].write(nil)...)
			v["keys unsorted"] = append(append(head(5, n.value, 0), tail[len(pair):]...), pair...)
		}
	}
	return v
}
