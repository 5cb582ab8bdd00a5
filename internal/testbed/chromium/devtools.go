package chromium

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// callLimit is how long Chromium may take for an answer, on a busy machine.
const callLimit = 5 * time.Minute

// devtools is a connection of the Chrome DevTools Protocol: JSON messages, each ended by NUL.
type devtools struct {
	on func(event) // gets events, one after the other. It must not wait for an answer

	mu      sync.Mutex
	w       io.Writer
	last    int
	waiting map[int]chan answer
	err     error // why nothing can be sent any more
}

// event is something that happened in a session, which is a tab, a frame of another process, or a
// worker.
type event struct {
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// decode reads the parameters of an event.
func (e event) decode(into any) {
	if err := json.Unmarshal(e.Params, into); err != nil {
		panic(fmt.Sprintf("%s: %v", e.Method, err)) // it is Chromium that wrote it
	}
}

type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// params are those of a command.
type params map[string]any

var errEnded = errors.New("the browser has ended")

func newDevtools(w io.Writer, on func(event)) *devtools {
	return &devtools{w: w, on: on, waiting: map[int]chan answer{}}
}

// read reads what Chromium sends, until it ends.
func (d *devtools) read(r io.Reader) {
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		message, err := in.ReadBytes(0)
		if err != nil {
			d.fail(errEnded)
			return
		}
		message = message[:len(message)-1]
		var a answer
		if json.Unmarshal(message, &a) == nil && a.ID != 0 {
			d.mu.Lock()
			waiting := d.waiting[a.ID]
			delete(d.waiting, a.ID)
			d.mu.Unlock()
			if waiting != nil {
				waiting <- a
			}
			continue
		}
		var e event
		if json.Unmarshal(message, &e) == nil {
			d.on(e)
		}
	}
}

func (d *devtools) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	for id, waiting := range d.waiting {
		close(waiting)
		delete(d.waiting, id)
	}
}

// send sends a command, and returns where its answer will be.
func (d *devtools) send(session, method string, p params) chan answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting := make(chan answer, 1)
	if d.err != nil {
		close(waiting)
		return waiting
	}
	d.last++
	if p == nil {
		p = params{}
	}
	message := map[string]any{"id": d.last, "method": method, "params": p}
	if session != "" {
		message["sessionId"] = session
	}
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	d.waiting[d.last] = waiting
	if _, err := d.w.Write(append(text, 0)); err != nil {
		delete(d.waiting, d.last)
		close(waiting)
	}
	return waiting
}

// call sends a command and waits for its result.
func (d *devtools) call(session, method string, p params, result any) error {
	select {
	case a, ok := <-d.send(session, method, p):
		switch {
		case !ok:
			return fmt.Errorf("%s: %w", method, errEnded)
		case a.Error != nil:
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		case result == nil:
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-time.After(callLimit):
		return fmt.Errorf("%s: no answer in %v", method, callLimit)
	}
}
