package mbox

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// The fields that mail programs write into the header of a message in an mbox belong to the mbox
// and not to the message: they change when it is read, and it stays the same message. So they are
// taken out, and kept with their places:
//
//	places    (line number, size, bytes of the fields) of each run of such lines, ascending; numbers are uvarints
//
// A line number is that of the header without the fields. The lines end as in the file.

// Span is a range of bytes.
type Span struct{ From, To int }

// MaxFields is the most bytes of fields that are taken out. More stay in the message.
const MaxFields = 200

// programFields are the names of the fields, in lower case.
var programFields = []string{
	"status:", "x-status:", "x-keywords:", "x-mozilla-status:", "x-mozilla-status2:", "x-mozilla-keys:", "x-uid:",
	"x-imap:", "x-imapbase:", "content-length:", "lines:",
}

func isProgramField(line []byte) bool { return beginsWith(line, programFields) }

// takeFields finds the fields of mail programs in a header. ok is false if there are none, or if
// they stay: mail programs write no field of several lines.
func takeFields(head []byte) (fields string, cuts []Span, ok bool) {
	at, lines, inside := 0, uint64(0), false
	var b, run []byte
	flush := func() {
		if len(run) > 0 {
			b = binary.AppendUvarint(b, lines)
			b = binary.AppendUvarint(b, uint64(len(run)))
			b, run = append(b, run...), nil
		}
	}
	for line := range bytes.Lines(head) {
		from := at
		at += len(line)
		if inside && (line[0] == ' ' || line[0] == '\t') || len(b)+len(run) > MaxFields {
			return "", nil, false
		}
		if inside = isProgramField(line) && line[len(line)-1] == '\n'; !inside {
			flush()
			lines++
			continue
		}
		if run = append(run, line...); len(cuts) > 0 && cuts[len(cuts)-1].To == from {
			cuts[len(cuts)-1].To = at
		} else {
			cuts = append(cuts, Span{from, at})
		}
	}
	flush()
	return string(b), cuts, len(b) > 0 && len(b) <= MaxFields
}

// fieldRun is a run of fields, and the line of the header before which it was.
type fieldRun struct {
	line   uint64
	fields string
}

// fieldRuns inverts takeFields. ok is false for anything that it does not return.
func fieldRuns(fields string) (list []fieldRun, ok bool) {
	for b := []byte(fields); len(b) > 0; {
		line, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, false
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size == 0 || size > uint64(len(b)-n-m) || len(list) > 0 && line <= list[len(list)-1].line {
			return nil, false
		}
		text := string(b[n+m : n+m+int(size)])
		for l := range strings.Lines(text) {
			if !isProgramField([]byte(l)) || !strings.HasSuffix(l, "\n") {
				return nil, false
			}
		}
		list, b = append(list, fieldRun{line, text}), b[n+m+int(size):]
	}
	return list, len(list) > 0
}

// flagsOf returns the flags in runs of fields, as ParseHead reads them.
func flagsOf(list []fieldRun) Head {
	var all strings.Builder
	for _, p := range list {
		all.WriteString(p.fields)
	}
	return parseFlags([]byte(all.String()))
}
