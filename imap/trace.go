package imap

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// tracer writes the lines of the protocol. Literals appear by their size; secrets are left out. A
// nil tracer writes nothing.
type tracer struct {
	out       io.Writer
	id        int // of the connection
	redacting int // while above 0, the server's texts are left out too: some servers repeat a command that they refuse
}

// sent traces a line of the client.
func (t *tracer) sent(line []byte) {
	if t != nil {
		t.write('C', bytes.TrimRight(line, "\r\n"))
	}
}

// received traces a line of the server. While logging in it shows only the first two words, tag and
// status, because a server may repeat in any form what it was sent.
func (t *tracer) received(line []byte) {
	if t == nil {
		return
	}
	if words := bytes.SplitN(line, []byte(" "), 3); t.redacting > 0 && len(words) > 2 {
		line = fmt.Appendf(nil, "%s %s …", words[0], words[1])
	}
	t.write('S', line)
}

// redactAnswers leaves out the server's texts until stopped.
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

// lockedWriter lets several connections trace to one writer. Each line is one Write.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *lockedWriter) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(line)
}
