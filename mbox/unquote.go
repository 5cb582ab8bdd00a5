package mbox

import (
	"bytes"
	"io"
)

// NewUnquoter returns a reader of a text without the ">" that a writer of the variant put before
// lines. It inverts what Writer does to the lines of a message.
func NewUnquoter(r io.Reader, v Variant) io.Reader {
	if v == CL2 {
		return r
	}
	word := fromWord
	if v == Any {
		word = "From"
	}
	return &unquoter{r: r, variant: v, word: word, start: true}
}

// unquoter holds back one ">" at the beginning of a line, until it is known whether "From "
// follows.
type unquoter struct {
	r       io.Reader
	variant Variant
	word    string // that is quoted
	in      [16 << 10]byte
	out     []byte // not passed on yet
	buf     []byte
	start   bool // the next byte begins a line
	quotes  bool // nothing but ">" and then "From" since the beginning of the line
	held    int  // ">"s of the line, at most 2; the first one is held back
	from    int  // bytes of "From " that are held back
	err     error
}

func (u *unquoter) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		n, err := u.r.Read(u.in[:])
		u.buf = u.buf[:0]
		u.feed(u.in[:n])
		if u.err = err; err != nil {
			u.release(false)
		}
		u.out = u.buf
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *unquoter) feed(p []byte) {
	for len(p) > 0 {
		if u.start {
			u.start, u.quotes, u.held, u.from = false, true, 0, 0
		}
		if u.quotes {
			c := p[0]
			switch {
			case u.from == 0 && c == '>':
				if u.held++; u.held > 1 {
					u.buf = append(u.buf, '>')
					u.held = 2
				}
			case u.held > 0 && c == u.word[u.from]:
				if u.from++; u.from == len(u.word) {
					u.release(u.variant != O || u.held == 1)
				}
			default:
				u.release(false)
				continue
			}
			p = p[1:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			u.buf = append(u.buf, p...)
			return
		}
		u.buf = append(u.buf, p[:end+1]...)
		p, u.start = p[end+1:], true
	}
}

// release writes what is held back, without the first ">" if the line was quoted.
func (u *unquoter) release(quoted bool) {
	if !u.quotes {
		return
	}
	u.quotes = false
	if u.held > 0 && !quoted {
		u.buf = append(u.buf, '>')
	}
	u.buf = append(u.buf, u.word[:u.from]...)
	u.held, u.from = 0, 0
}
