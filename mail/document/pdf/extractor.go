package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Argument is the first argument of the child process. The second is the directory for compiled
// code, or empty.
const Argument = "read-pdf"

const (
	// responseTime is how long the parent waits for the end of a document. The child ends before,
	// unless something is wrong.
	responseTime = documentTime + 30*time.Second
	// startTime is how long a child may take to start. On a slow machine, compiling takes a minute.
	startTime = 5 * time.Minute
	// maxDocuments is how many documents a child reads. Then another takes its place, so that leaks
	// do not add up.
	maxDocuments = 1000
)

// Supported reports whether PDFs are read on this machine: where wazero has a compiler.
func Supported() bool {
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "netbsd", "windows":
		return runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"
	}
	return false
}

// Extractor reads the text of PDFs in a child process, one after the other. It can be used by
// several goroutines at once.
type Extractor struct {
	program, cache string

	mu       sync.Mutex
	child    *child // nil: none runs
	unusable error  // why no child can start
}

// NewExtractor returns an Extractor. program is the path of a program that calls Serve if its first
// argument is Argument, and cache is the directory in which that keeps compiled code. If it is
// empty, or others can write to it, each child compiles PDFium. No child runs before the first
// document.
func NewExtractor(program, cache string) *Extractor {
	return &Extractor{program: program, cache: cache}
}

// unusableError is the error of all documents where no child can start. It is
// errors.ErrUnsupported.
type unusableError struct{ error }

func (e unusableError) Is(target error) bool { return target == errors.ErrUnsupported }
func (e unusableError) Unwrap() error        { return e.error }

// Close ends the child.
func (x *Extractor) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.end()
	return nil
}

// end ends the child, if there is one.
func (x *Extractor) end() {
	if x.child != nil {
		x.child.end()
		x.child = nil
	}
}

// Text returns the text of a PDF, of at most limit bytes, in UTF-8. With an error, it returns the
// text of pages that were read until then. If no child can start, the error is
// errors.ErrUnsupported.
func (x *Extractor) Text(ctx context.Context, document []byte, limit int) (string, error) {
	if len(document) > MaxDocument {
		return "", fmt.Errorf("the document has %d bytes, more than %d", len(document), MaxDocument)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if x.unusable != nil {
		return "", x.unusable
	}
	if x.child == nil {
		c, err := startChild(ctx, x.program, x.cache)
		if err != nil && ctx.Err() == nil {
			x.unusable = unusableError{fmt.Errorf("PDFs are not read: their reader does not start: %w", err)}
			return "", x.unusable
		}
		if err != nil {
			return "", err
		}
		x.child = c
	}
	text, alive, err := x.child.read(ctx, document, limit)
	if !alive || x.child.documents >= maxDocuments {
		x.end()
	}
	return text, err
}

// child is a running child process.
type child struct {
	process   *exec.Cmd
	in        io.WriteCloser
	out       io.ReadCloser
	documents int
}

// startChild starts a child, and waits until it can read documents. If it cannot, the error is what
// it says last.
func startChild(ctx context.Context, program, cache string) (*child, error) {
	process := exec.Command(program, Argument, cache)
	process.Env = []string{} // no passwords
	var says reason
	process.Stderr, process.WaitDelay = &says, time.Second
	in, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	c := &child{process: process, in: in, out: out}
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, errSlow)
	defer cancel()
	defer context.AfterFunc(ctx, c.abort)()
	if err := readReady(out); err != nil {
		cause := context.Cause(ctx)
		c.end()
		if cause != nil {
			return nil, cause
		}
		if text := says.String(); text != "" {
			err = errors.New(text)
		}
		return nil, err
	}
	return c, nil
}

// reason keeps the begin of what a child writes to its standard error.
type reason struct{ text []byte }

func (r *reason) Write(b []byte) (int, error) {
	r.text = append(r.text, b[:min(len(b), maxError-len(r.text))]...)
	return len(b), nil
}

// String returns the first line.
func (r *reason) String() string {
	line, _, _ := strings.Cut(strings.ToValidUTF8(string(r.text), "\uFFFD"), "\n")
	return strings.TrimSpace(line)
}

// abort makes the child end, and reading from it and writing to it. It can hang, and has nothing to
// finish.
func (c *child) abort() {
	_ = c.process.Process.Kill()
	_ = c.in.Close()
	_ = c.out.Close()
}

func (c *child) end() {
	c.abort()
	_ = c.process.Wait()
}

// read sends a document and reads its text. alive reports whether the child can read another.
func (c *child) read(ctx context.Context, document []byte, limit int) (text string, alive bool, err error) {
	c.documents++
	ctx, cancel := context.WithTimeoutCause(ctx, responseTime, errSlow)
	defer cancel()
	stop := context.AfterFunc(ctx, c.abort)
	defer stop()

	sent := make(chan struct{})
	go func() { // a child that does not read must not block
		defer close(sent)
		_ = writeRequest(c.in, document, limit) // if this fails, there is no response
	}()
	defer func() { <-sent }()

	var b strings.Builder
	for {
		kind, page, err := readResponse(c.out, limit-b.Len())
		if err != nil {
			cause := context.Cause(ctx)
			c.abort() // so that sending ends
			if cause != nil {
				err = cause
			} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errEnded
			}
			return b.String(), false, err
		}
		switch kind {
		case pageResponse:
			b.Write(page)
		case errorResponse:
			return b.String(), true, errors.New(strings.ToValidUTF8(string(page), "\uFFFD"))
		default:
			return b.String(), true, nil
		}
	}
}

var (
	errSlow  = errors.New("the reader of PDFs takes too long")
	errEnded = errors.New("the reader of PDFs ended: the document takes too much time or memory, or is made to harm")
)
