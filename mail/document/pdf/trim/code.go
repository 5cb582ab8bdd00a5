package trim

// Instructions (WebAssembly Core Specification 2.0, section 5.4; exceptions and tail calls are of
// 3.0).
const (
	opTryTable           = 0x1f
	opEnd                = 0x0b
	opBranchTable        = 0x0e
	opCall               = 0x10
	opCallIndirect       = 0x11
	opReturnCall         = 0x12
	opReturnCallIndirect = 0x13
	opSelectTyped        = 0x1c
	opRefFunc            = 0xd2
	opMiscellaneous      = 0xfc
	opVector             = 0xfd
)

// operands says what follows the first byte of an instruction.
type operands byte

const (
	unknown operands = iota
	none
	oneNumber  // an index, the type of a block, or an integer
	twoNumbers // an alignment and an offset
	other      // what instruction says
)

// operandsOf has the operands of each first byte.
var operandsOf = func() (table [256]operands) {
	set := func(first, last int, o operands) {
		for op := first; op <= last; op++ {
			table[op] = o
		}
	}
	set(0x00, 0x01, none)      // unreachable, nop
	set(0x02, 0x04, oneNumber) // block, loop, if
	set(0x05, 0x05, none)      // else
	set(0x08, 0x08, oneNumber) // throw
	set(0x0a, opEnd, none)     // throw_ref, end
	set(0x0c, 0x0d, oneNumber) // branches
	set(opBranchTable, 0x0e, other)
	set(0x0f, 0x0f, none) // return
	set(opCall, opReturnCallIndirect, other)
	set(0x1a, 0x1b, none) // drop, select
	set(opSelectTyped, 0x1c, other)
	set(opTryTable, 0x1f, other)
	set(0x20, 0x26, oneNumber)  // variables and tables
	set(0x28, 0x3e, twoNumbers) // loads and stores
	set(0x3f, 0x42, oneNumber)  // the size of memory, constant integers
	set(0x43, 0x44, other)      // constant floats
	set(0x45, 0xc4, none)       // computations
	set(0xd0, 0xd0, oneNumber)  // ref.null
	set(0xd1, 0xd1, none)       // ref.is_null
	set(opRefFunc, opRefFunc, other)
	set(opMiscellaneous, opVector, other)
	return table
}()

// instruction reads an instruction and returns its first byte. It calls refer for those that name a
// function or, where they call through a table, a type.
func instruction(r *reader, refer func(op byte, operand uint64)) byte {
	op := r.byte()
	switch operandsOf[op] {
	case none:
	case oneNumber:
		r.number()
	case twoNumbers:
		memoryOperand(r)
	case other:
		manyOperands(r, op, refer)
	default:
		r.fail("it has instruction %#x", op)
	}
	return op
}

func manyOperands(r *reader, op byte, refer func(op byte, operand uint64)) {
	switch op {
	case opCall, opReturnCall, opRefFunc:
		refer(op, r.number())
	case opCallIndirect, opReturnCallIndirect:
		kind := r.number()
		r.number() // the table
		refer(op, kind)
	case 0x43: // f32.const
		r.take(4)
	case 0x44: // f64.const
		r.take(8)
	case opBranchTable:
		for n := r.count() + 1; n > 0; n-- {
			r.number()
		}
	case opTryTable:
		tryTable(r)
	case opSelectTyped:
		r.bytes()
	case opMiscellaneous:
		miscellaneous(r)
	case opVector:
		vector(r)
	}
}

// memoryOperand reads an alignment and an offset. With several memories, there would be an index,
// too.
func memoryOperand(r *reader) {
	if r.number() >= 64 {
		r.fail("it has several memories")
	}
	r.number()
}

// tryTable reads the type of a block, and what it catches.
func tryTable(r *reader) {
	r.number()
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if kind := r.byte(); kind <= 1 { // catch, catch_ref: with a tag
			r.number()
		}
		r.number() // the label
	}
}

// miscellaneous reads what follows opMiscellaneous.
func miscellaneous(r *reader) {
	operands := 0
	switch op := r.number(); {
	case op <= 7: // conversions
	case op == 9, op == 11, op == 13, op >= 15 && op <= 17:
		operands = 1
	case op == 8, op == 10, op == 12, op == 14:
		operands = 2
	default:
		r.fail("it has instruction 0xfc %d", op)
	}
	for range operands {
		r.number()
	}
}

// vector reads what follows opVector.
func vector(r *reader) {
	switch op := r.number(); {
	case op <= 11, op == 92, op == 93: // loads and stores
		memoryOperand(r)
	case op == 12, op == 13: // v128.const, i8x16.shuffle
		r.take(16)
	case op >= 21 && op <= 34: // lanes
		r.take(1)
	case op >= 84 && op <= 91: // loads and stores of a lane
		memoryOperand(r)
		r.take(1)
	case op > 255:
		r.fail("it has instruction 0xfd %d", op)
	}
}
