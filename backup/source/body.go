package source

import (
	"errors"
	"io"

	"github.com/mailstrata/mailstrata/mail"
)

// ReadBody gives the body of a message to read, as View.Bodies does. If the body cannot be read,
// ReadBody returns why. Any other error is that of read, and ReadBody returns it as a *ReaderError.
func ReadBody(uid mail.UID, body io.Reader, read func(mail.UID, io.Reader) error) error {
	watched := &watchedReader{r: body}
	err := read(uid, watched)
	switch {
	case err == nil:
		return nil
	case watched.err != nil:
		return watched.err
	}
	return &ReaderError{err}
}

// ReaderError is an error of the reader of a body. It does not unwrap, so that it is not taken for
// an error of the source.
type ReaderError struct{ Err error }

func (e *ReaderError) Error() string { return e.Err.Error() }

// watchedReader keeps the error of r.
type watchedReader struct {
	r   io.Reader
	err error
}

func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}
