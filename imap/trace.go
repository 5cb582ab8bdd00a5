package imap

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// tracer writes what goes over the wire, line by line. Literals appear by their size; what follows a login is left out.
type tracer struct {
	out       io.Writer
	id        int // tells the connections apart
	redacting int // while above 0, what the server says is left out too: some repeat a command that they refuse
}

// sent notes a line of the client.
func (t *tracer) sent(line []byte) {
	if t != nil {
		t.write('C', bytes.TrimRight(line, "\r\n"))
	}
}

// received notes a line of the server. While we log in only its first two words are shown, tag and status: a server may
// repeat what it was sent, in whatever form.
func (t *tracer) received(line []byte) {
	if t == nil {
		return
	}
	if words := bytes.SplitN(line, []byte(" "), 3); t.redacting > 0 && len(words) > 2 {
		line = fmt.Appendf(nil, "%s %s …", words[0], words[1])
	}
	t.write('S', line)
}

// redactAnswers leaves out what the server says until stopped.
func (t *tracer) redactAnswers() (stop func()) {
	if t == nil {
		return func() {}
	}
	t.redacting++
	return func() { t.redacting-- }
}

func (t *tracer) write(who byte, line []byte) {
	fmt.Fprintf(t.out, "%c%d: %s\n", who, t.id, line)
}

// lockedWriter lets several connections trace to one writer: each line is one Write.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *lockedWriter) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(line)
}
