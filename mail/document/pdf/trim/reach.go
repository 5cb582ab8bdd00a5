package trim

import "fmt"

// reach returns for each function whether it can be reached from the exports.
func (m *module) reach(exports []string) ([]bool, error) {
	w := walk{
		module: m, kept: make([]bool, len(m.typeOf)), inTable: map[string][]int{},
		called: make([]bool, len(m.types)),
	}
	for _, f := range m.table {
		if f >= len(m.typeOf) || m.typeOf[f] >= uint64(len(m.types)) {
			return nil, fmt.Errorf("function %d is in a table and is not known", f)
		}
		w.add(f)
	}
	for _, f := range m.roots {
		w.keep(f)
	}
	for _, name := range exports {
		f, ok := m.exported[name]
		if !ok {
			return nil, fmt.Errorf("it does not export %s", name)
		}
		w.keep(f)
	}
	for len(w.next) > 0 && w.err == nil {
		f := w.next[len(w.next)-1]
		w.next = w.next[:len(w.next)-1]
		w.body(f)
	}
	return w.kept, w.err
}

// walk is a walk through the calls of functions.
type walk struct {
	*module
	kept    []bool
	next    []int            // kept, and not read yet
	inTable map[string][]int // by type
	called  []bool           // the types that are called through a table
	err     error
}

// add adds a function to those in a table.
func (w *walk) add(f int) {
	kind := w.types[w.typeOf[f]]
	w.inTable[kind] = append(w.inTable[kind], f)
}

// keep keeps a function.
func (w *walk) keep(f int) {
	if f < 0 || f >= len(w.kept) {
		w.err = fmt.Errorf("function %d is not known", f)
		return
	}
	if !w.kept[f] {
		w.kept[f] = true
		w.next = append(w.next, f)
	}
}

// body keeps what a function refers to.
func (w *walk) body(f int) {
	if f < w.imported {
		return
	}
	r := reader{rest: w.bodies[f-w.imported]}
	for n := r.count(); n > 0 && r.err == nil; n-- { // locals: how many, of which type
		r.number()
		r.byte()
	}
	refer := w.refer
	for len(r.rest) > 0 {
		instruction(&r, refer)
	}
	if r.err != nil && w.err == nil {
		w.err = fmt.Errorf("function %d: %w", f, r.err)
	}
}

// refer keeps what an instruction can call.
func (w *walk) refer(op byte, operand uint64) {
	switch op {
	case opCallIndirect, opReturnCallIndirect:
		if operand >= uint64(len(w.types)) {
			w.err = fmt.Errorf("type %d is not known", operand)
			return
		}
		if !w.called[operand] {
			w.called[operand] = true
			for _, f := range w.inTable[w.types[operand]] {
				w.keep(f)
			}
		}
	default:
		if operand >= uint64(len(w.kept)) {
			w.err = fmt.Errorf("function %d is not known", operand)
			return
		}
		w.keep(int(operand))
	}
}
