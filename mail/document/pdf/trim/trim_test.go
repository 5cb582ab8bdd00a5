package trim_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/mailstrata/mailstrata/mail/document/pdf/trim"
)

// section encodes a section of elements.
func section(kind byte, elements ...string) string {
	body := string(binary.AppendUvarint(nil, uint64(len(elements)))) + strings.Join(elements, "")
	return string(kind) + sized(body)
}

func sized(body string) string { return string(binary.AppendUvarint(nil, uint64(len(body)))) + body }

const (
	head     = "\x00asm\x01\x00\x00\x00"
	toInt    = "\x60\x00\x01\x7f"     // () -> i32
	intToInt = "\x60\x01\x7f\x01\x7f" // (i32) -> i32
)

// function encodes a body without locals.
func function(instructions string) string { return sized("\x00" + instructions + "\x0b") }

func constant(n byte) string { return "\x41" + string(n) }

// bodies are functions 0 to 8 of the module below. Those of an even number have type 0, () -> i32,
// and the others type 1.
var bodies = []string{
	0: function("\x10\x02"),                                 // first: call 2
	1: function("\x20\x00" + constant(1) + "\x6a"),          // in the table
	2: function(constant(3) + "\x11\x00\x00"),               // call through the table, type 0, element 3
	3: function("\x20\x00" + constant(2) + "\x6a"),          // in the table
	4: function(constant(40) + constant(2) + "\x6a"),        // in the table
	5: function("\x20\x00"),                                 // called by 6
	6: function(constant(7) + "\x10\x05"),                   // second
	7: function("\x20\x00"),                                 // in a global
	8: function(constant(0) + constant(1) + "\x11\x01\x00"), // third: call through the table, type 1, element 1
}

// encode returns a module with these bodies.
func encode() []byte {
	return []byte(head +
		section(1, toInt, intToInt) +
		section(3, "\x00", "\x01", "\x00", "\x01", "\x00", "\x01", "\x00", "\x01", "\x00") +
		section(4, "\x70\x00\x04") +
		section(6, "\x70\x00\xd2\x07\x0b") +
		section(7, sized("first")+"\x00\x00", sized("second")+"\x00\x06", sized("third")+"\x00\x08") +
		section(9, "\x00"+constant(0)+"\x0b\x04\x01\x03\x01\x04") +
		section(10, bodies...))
}

// TestModule requires that exports that are kept do what they did, that others trap, and that
// nothing else is kept.
func TestModule(t *testing.T) {
	for _, tt := range []struct {
		exports string
		kept    []int
	}{
		{"first", []int{0, 2, 4, 7}},
		{"second", []int{5, 6, 7}},
		{"third", []int{1, 3, 7, 8}},
		{"first third", []int{0, 1, 2, 3, 4, 7, 8}},
		{"", []int{7}},
	} {
		exports := strings.Fields(tt.exports)
		trimmed, err := trim.Module(encode(), exports)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(encode())
		empty := "\x03\x00\x00\x0b"
		wanted := make([]string, len(bodies))
		for i := range wanted {
			wanted[i] = empty
		}
		for _, i := range tt.kept {
			wanted[i] = bodies[i]
		}
		want = append(bytes.TrimSuffix(want, []byte(section(10, bodies...))), section(10, wanted...)...)
		if !bytes.Equal(trimmed, want) {
			t.Errorf("%q:\n%x, want\n%x", tt.exports, trimmed, want)
		}
		before, after := run(t, encode()), run(t, trimmed)
		for name, result := range before {
			kept := strings.Contains(tt.exports, name)
			if kept && after[name] != result || !kept && !strings.Contains(after[name], "unreachable") {
				t.Errorf("%q: %s returns %q, and %q before", tt.exports, name, after[name], result)
			}
		}
	}
}

// run calls each export of a module, and returns its result or its error.
func run(t *testing.T, module []byte) map[string]string {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer runtime.Close(ctx)
	instance, err := runtime.Instantiate(ctx, module)
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]string{}
	for _, name := range []string{"first", "second", "third"} {
		result, err := instance.ExportedFunction(name).Call(ctx)
		if err != nil {
			results[name] = err.Error()
			continue
		}
		results[name] = string(rune('0' + api.DecodeI32(result[0])))
	}
	return results
}

// TestUnknown requires that what is not known is an error, and is not passed over.
func TestUnknown(t *testing.T) {
	with := func(instructions string) string { return section(10, function(instructions)) }
	one := head + section(1, toInt) + section(3, "\x00") + section(7, sized("f")+"\x00\x00")
	for name, module := range map[string]string{
		"nothing":               "",
		"a component":           "\x00asm\x0d\x00\x01\x00",
		"no export":             head + section(1, toInt) + section(3, "\x00") + with(constant(1)),
		"no body":               one,
		"no type":               head + section(3, "\x00") + section(7, sized("f")+"\x00\x00") + with("\x11\x00\x00"),
		"a call of nothing":     one + with("\x10\x01"),
		"a call by reference":   one + with("\x14\x00"),
		"a type of another":     head + section(1, "\x4e\x01"+toInt) + section(3, "\x00"),
		"an imported table":     head + section(2, sized("m")+sized("t")+"\x01\x70\x00\x01"),
		"a table of functions":  head + section(4, "\x40\x00\x70\x00\x01\xd2\x00\x0b"),
		"elements of kind 1":    one + section(9, "\x01\x00\x01\x00") + with(constant(1)),
		"an element of nothing": one + section(9, "\x00"+constant(0)+"\x0b\x01\x05") + with(constant(1)),
		"a section cut off":     head + "\x0a\x09",
		"a number cut off":      one + section(10, sized("\x00\x41\xff")),
		"instruction 0xfe":      one + with("\xfe\x00"),
	} {
		if _, err := trim.Module([]byte(module), []string{"f"}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzModule requires that a module that was made smaller does not become smaller again.
func FuzzModule(f *testing.F) {
	f.Add(encode())
	f.Fuzz(func(t *testing.T, module []byte) {
		once, err := trim.Module(module, nil)
		if err != nil {
			return
		}
		if twice, err := trim.Module(once, nil); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%x, %v, and %x before", twice, err, once)
		}
	})
}
