package mbox

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// Fields that were taken out are put back where they were.
func FuzzFields(f *testing.F) {
	f.Add("Status: RO\nA: b\nX-UID: 1\nlines: 2\n", "\x00\x0bStatus: RO\n")
	f.Add("A: b\r\nStatus: O\r\n", "\xff")
	f.Fuzz(func(t *testing.T, head, other string) {
		if _, ok := fieldRuns(other); ok && len(other) == 0 {
			t.Error("no fields are some")
		}
		fields, cuts, ok := takeFields([]byte(head))
		if !ok {
			return
		}
		list, ok := fieldRuns(fields)
		if !ok || len(fields) > MaxFields {
			t.Fatalf("%q has %q", head, fields)
		}
		rest := []byte(head)
		for _, cut := range slices.Backward(cuts) {
			rest = slices.Delete(rest, cut.From, cut.To)
		}
		list = append(list, fieldRun{line: math.MaxUint64})
		var back strings.Builder
		at := uint64(0)
		for line := range strings.Lines(string(rest)) {
			if list[0].line == at {
				back.WriteString(list[0].fields)
				list = list[1:]
			}
			back.WriteString(line)
			at++
		}
		back.WriteString(list[0].fields)
		if back.String() != head {
			t.Errorf("have %q, want %q", back.String(), head)
		}
	})
}
