// Package trim makes a WebAssembly module smaller for a host that calls a few of its exports.
//
// A library has hundreds of exports, and a program compiles all of them before it calls one. Module
// keeps the functions that these few can reach, and empties the others:
//
//	module ── sections (module.go) ──► types, imports, exports, table, bodies
//	bodies ── instructions (code.go) ──► calls of each function
//	exports ── reach (reach.go) ──► functions that are kept
//
// Indices of functions do not change, so all other sections stay as they are. A function that was
// emptied traps if it is called after all: an error here costs a result, and never gives another
// one.
package trim

import "encoding/binary"

// empty is the body of a function that is not kept, with its size: no locals, unreachable, end.
var empty = []byte{3, 0, 0x00, opEnd}

// Module returns a copy of a module of WebAssembly 2.0, with the instructions for exceptions and
// tail calls of 3.0, in which the functions that the named exports cannot reach are empty. A call
// through a table reaches each function in a table that has the type of the call. The host must
// call the named exports alone, and no functions that are in exported tables. It is an error if the
// module lacks one of the exports, or has something that is not known here.
func Module(module []byte, exports []string) ([]byte, error) {
	m, err := parse(module)
	if err != nil {
		return nil, err
	}
	kept, err := m.reach(exports)
	if err != nil {
		return nil, err
	}
	code := binary.AppendUvarint(nil, uint64(len(m.bodies)))
	for i, body := range m.bodies {
		if !kept[m.imported+i] {
			code = append(code, empty...)
			continue
		}
		code = binary.AppendUvarint(code, uint64(len(body)))
		code = append(code, body...)
	}
	trimmed := append(make([]byte, 0, len(module)), module[:m.codeBegin]...)
	trimmed = append(trimmed, codeSection)
	trimmed = binary.AppendUvarint(trimmed, uint64(len(code)))
	trimmed = append(trimmed, code...)
	return append(trimmed, module[m.codeEnd:]...), nil
}
