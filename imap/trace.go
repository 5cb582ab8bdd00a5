package imap

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// tracer writes what goes over the wire, line by line. Literals appear by their size; what follows a login is left out.
type tracer struct {
	out io.Writer
	id  int // tells the connections apart
}

// sent notes a line of the client; hidden ones by their first two words, tag and command.
func (t *tracer) sent(line []byte, hide bool) {
	if t == nil {
		return
	}
	line = bytes.TrimRight(line, "\r\n")
	if hide {
		if words := bytes.SplitN(line, []byte(" "), 3); len(words) == 3 {
			line = fmt.Appendf(nil, "%s %s …", words[0], words[1])
		} else {
			line = []byte("…")
		}
	}
	t.write('C', line)
}

func (t *tracer) received(line []byte) {
	if t != nil {
		t.write('S', line)
	}
}

func (t *tracer) write(who byte, line []byte) {
	fmt.Fprintf(t.out, "%c%d: %s\n", who, t.id, line)
}

// oneByOne lets several connections trace to one writer: each line is one Write.
type oneByOne struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneByOne) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(line)
}
