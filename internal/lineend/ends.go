package lineend

import (
	"encoding/binary"
	"math"
)

// MaxEnds is the longest result of Checker.Ends, in bytes. A file whose lines end in two ways has a
// few runs of lines that end alike: a header with LF before a body with CRLF, or each part of a
// message in its own way.
const MaxEnds = 200

// runs are the numbers of lines that end alike, one after the other, as uvarints. The first run is
// of lines with a bare LF, and may be empty; the next is of lines with a CR before their LF, and so
// on in turns. The last run is not among them, because it has all lines that remain.
type runs struct {
	done [MaxEnds]byte
	size int
	run  uint64 // lines of the last run
	kept bool   // the last run is of lines with a CR
	over bool   // there are more than done can hold
}

// add adds a line.
func (r *runs) add(kept bool) {
	if kept != r.kept {
		if r.size+binary.MaxVarintLen64 > MaxEnds {
			r.over = true
			return
		}
		r.size += binary.PutUvarint(r.done[r.size:], r.run)
		r.run, r.kept = 0, kept
	}
	r.run++
}

// Ends returns which lines of a text end in a bare LF if others have a CR before their LF, for a
// Cursor. It is empty if all lines are alike, or if the result would be longer than MaxEnds.
func (c *Checker) Ends() string {
	if !c.lf || !c.crlf && !c.mixed || c.runs.over {
		return ""
	}
	return string(c.runs.done[:c.runs.size])
}

// Cursor says of each line of a text, one after the other, whether it ended in a bare LF. It
// inverts Checker.Ends.
type Cursor struct {
	rest string
	run  uint64
	kept bool
}

// NewCursor returns a Cursor before the first line. Ends that are no result of Checker.Ends give
// some answer for each line.
func NewCursor(ends string) *Cursor {
	c := &Cursor{rest: ends}
	c.next()
	return c
}

// Bare reports whether the next line ended in a bare LF.
func (c *Cursor) Bare() bool {
	for c.run == 0 {
		c.kept = !c.kept
		c.next()
	}
	c.run--
	return !c.kept
}

// next begins the next run.
func (c *Cursor) next() {
	run, n := binary.Uvarint([]byte(c.rest))
	if n <= 0 {
		c.run, c.rest = math.MaxUint64, ""
		return
	}
	c.run, c.rest = run, c.rest[n:]
}
