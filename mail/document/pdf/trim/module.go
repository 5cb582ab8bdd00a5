package trim

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// Sections, by their numbers (WebAssembly Core Specification 2.0, section 5.5.2).
const (
	typeSection     = 1
	importSection   = 2
	functionSection = 3
	tableSection    = 4
	globalSection   = 6
	exportSection   = 7
	startSection    = 8
	elementSection  = 9
	codeSection     = 10
)

// module is what matters here of a module. A function is known by its index: imported ones come
// first.
type module struct {
	types    []string       // each encoded, so that equal ones are equal: a call through a table compares them so
	imported int            // the number of imported functions
	typeOf   []uint64       // of each function, an index of types
	exported map[string]int // functions alone
	roots    []int          // what runs without being called: the start function, and what globals refer to
	table    []int          // what can be called through a table
	bodies   [][]byte       // of the functions that are not imported

	codeBegin, codeEnd int // where the code section is, with its head
}

// reader reads numbers. After an error it yields zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err, r.rest = fmt.Errorf(format, args...), nil
	}
}

var errShort = errors.New("it ends early")

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail("%w", errShort)
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// number reads an integer of at most 64 bits in LEB128. The value is right if it is unsigned.
func (r *reader) number() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 { // most
		value := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(value)
	}
	return r.longNumber()
}

func (r *reader) longNumber() uint64 {
	var value uint64
	for i, b := range r.rest[:min(len(r.rest), 10)] {
		value |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return value
		}
	}
	r.fail("it has a number that does not end")
	return 0
}

// count reads the number of elements that follow. Each has at least a byte.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.fail("%w", errShort)
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte { return r.take(r.count()) }

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail("%w", errShort)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// index reads the index of a function.
func (r *reader) index() int {
	n := r.number()
	if n > math.MaxInt32 {
		r.fail("it has function %d", n)
	}
	return int(n)
}

func parse(encoded []byte) (*module, error) {
	const head = "\x00asm\x01\x00\x00\x00"
	if !bytes.HasPrefix(encoded, []byte(head)) {
		return nil, errors.New("it is no WebAssembly module of version 1")
	}
	m := &module{exported: map[string]int{}}
	all := reader{rest: encoded[len(head):]}
	for len(all.rest) > 0 {
		begin := len(encoded) - len(all.rest)
		kind := all.byte()
		section := reader{rest: all.bytes()}
		if all.err != nil {
			return nil, all.err
		}
		if kind == codeSection {
			m.codeBegin, m.codeEnd = begin, len(encoded)-len(all.rest)
		}
		m.section(kind, &section)
		if section.err != nil {
			return nil, fmt.Errorf("section %d: %w", kind, section.err)
		}
	}
	if m.codeEnd == 0 || len(m.typeOf) != m.imported+len(m.bodies) {
		return nil, fmt.Errorf("it has %d functions and %d bodies", len(m.typeOf)-m.imported, len(m.bodies))
	}
	return m, nil
}

func (m *module) section(kind byte, r *reader) {
	switch kind {
	case startSection:
		m.roots = append(m.roots, r.index())
		return
	case typeSection, importSection, functionSection, tableSection, globalSection, exportSection, elementSection,
		codeSection:
	default: // names, memories, data, tags
		return
	}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		switch kind {
		case typeSection:
			m.readType(r)
		case importSection:
			m.readImport(r)
		case functionSection:
			m.typeOf = append(m.typeOf, r.number())
		case tableSection:
			readTable(r)
		case globalSection:
			m.readGlobal(r)
		case exportSection:
			name, what, index := string(r.bytes()), r.byte(), r.index()
			if what == 0 {
				m.exported[name] = index
			}
		case elementSection:
			m.readElements(r)
		case codeSection:
			m.bodies = append(m.bodies, r.bytes())
		}
	}
}

func (m *module) readType(r *reader) {
	begin := r.rest
	if form := r.byte(); form != 0x60 {
		r.fail("it has a type of form %#x", form)
	}
	for range 2 { // parameters and results
		for _, t := range r.bytes() {
			if t == 0x63 || t == 0x64 { // references to types, which have more bytes
				r.fail("it has a value of type %#x", t)
			}
		}
	}
	m.types = append(m.types, string(begin[:len(begin)-len(r.rest)]))
}

// readImport reads the import of a function. The host could change an imported table.
func (m *module) readImport(r *reader) {
	r.bytes()
	r.bytes()
	if kind := r.byte(); kind != 0 {
		r.fail("it imports something of kind %d", kind)
	}
	m.typeOf = append(m.typeOf, r.number())
	m.imported++
}

// readTable reads a table, which must begin without functions.
func readTable(r *reader) {
	if first := r.byte(); first != 0x70 && first != 0x6f {
		r.fail("it has a table of type %#x", first)
	}
	limits := r.byte()
	if limits > 1 {
		r.fail("it has a table with limits %#x", limits)
	}
	for range 1 + limits {
		r.number()
	}
}

// readGlobal reads a global, whose value can be a function.
func (m *module) readGlobal(r *reader) {
	r.take(2) // its type and whether it changes
	refer := func(op byte, operand uint64) {
		if op == opRefFunc {
			m.roots = append(m.roots, int(operand))
		}
	}
	for r.err == nil && instruction(r, refer) != opEnd {
	}
}

// readElements reads a segment of functions in a table.
func (m *module) readElements(r *reader) {
	if kind := r.number(); kind != 0 {
		r.fail("it has elements of kind %d", kind)
	}
	for r.err == nil && instruction(r, func(byte, uint64) {}) != opEnd { // its place in the table
	}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		m.table = append(m.table, r.index())
	}
}
