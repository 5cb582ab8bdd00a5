package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/local"
)

// A sealed object is one age file. age authenticates its pieces of 64 KiB, but not who sealed them:
// that is what the tag of the container is for.
const (
	AgePiece    = 64 << 10 // plaintext of a piece
	AgeOverhead = 16       // of a piece
	AgeNonce    = 16       // between header and pieces
	ageIntro    = "age-encryption.org/v1\n"
)

// seal returns a writer that seals to recipients what is written to it, and the key of this one
// file. With that key a writer reads back its own packs, which its identity cannot open.
func seal(w io.Writer, recipients []age.Recipient) (io.WriteCloser, []byte, error) {
	if len(recipients) == 0 {
		return nopCloser{w}, nil, nil
	}
	recorder := &keyRecorder{Recipient: recipients[0]}
	sealed, err := age.Encrypt(w, append([]age.Recipient{recorder}, recipients[1:]...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, recorder.fileKey, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// keyRecorder is a recipient that records the file key that it wraps.
type keyRecorder struct {
	age.Recipient
	fileKey []byte
}

// Wrap implements age.Recipient.
func (e *keyRecorder) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	e.fileKey = bytes.Clone(fileKey)
	return e.Recipient.Wrap(fileKey)
}

// WrapWithLabels implements age.RecipientWithLabels, with which age separates post-quantum
// recipients from others.
func (e *keyRecorder) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	labeled, ok := e.Recipient.(age.RecipientWithLabels)
	if !ok {
		stanzas, err := e.Wrap(fileKey)
		return stanzas, nil, err
	}
	e.fileKey = bytes.Clone(fileKey)
	return labeled.WrapWithLabels(fileKey)
}

// Unseal returns the container in a stored object. A nil identity means that it is not sealed.
func Unseal(stored []byte, id age.Identity) ([]byte, error) {
	if id == nil {
		return stored, nil
	}
	r, err := age.Decrypt(bytes.NewReader(stored), id)
	if err != nil {
		return nil, UnsealError(err)
	}
	plain := bytes.NewBuffer(make([]byte, 0, len(stored)))
	if _, err := plain.ReadFrom(r); err != nil {
		return nil, UnsealError(err)
	}
	return plain.Bytes(), nil
}

// UnsealAt is Unseal for an object that is read in parts.
func UnsealAt(r io.ReaderAt, size int64, id age.Identity) (io.ReaderAt, int64, error) {
	if id == nil {
		return r, size, nil
	}
	plain, size, err := age.DecryptReaderAt(r, size, id)
	if err != nil {
		return nil, 0, UnsealError(err)
	}
	return unsealedReader{plain}, size, nil
}

// UnsealError makes an error of age ErrNotMine if the key is wrong, or else ErrDamaged. It returns
// errors of the store and of this host as they are.
func UnsealError(err error) error {
	var noMatch *age.NoIdentityMatchError
	if errors.As(err, &noMatch) {
		return fmt.Errorf("sealed to another key: %w", ErrNotMine)
	}
	if read := (*ReadError)(nil); errors.As(err, &read) {
		return read.Err
	}
	return Damaged("age: %v", err)
}

// CauseOf returns the error that a ReadError carried through age or a container, or else err.
func CauseOf(err error) error {
	if read := (*ReadError)(nil); errors.As(err, &read) {
		return read.Err
	}
	return err
}

// unsealedReader applies UnsealError to the errors of age.
type unsealedReader struct{ r io.ReaderAt }

func (d unsealedReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = UnsealError(err)
	}
	return n, err
}

// HostFile is a file of this host. Its read errors are ReadErrors, so that a broken disk does not
// count as a damaged object.
type HostFile struct{ local.File }

// ReadAt implements io.ReaderAt.
func (f HostFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if local.Is(err) {
		err = &ReadError{err}
	}
	return n, err
}

// ReadError is an error of the store or of this host that passes through age.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return e.Err.Error() }
func (e *ReadError) Unwrap() error { return e.Err }

// CoveringRange returns the range of a sealed payload, in whole pieces, that holds length bytes of
// plaintext from offset.
func CoveringRange(offset, length, payload int64) (from, to int64) {
	const piece = AgePiece + AgeOverhead
	from = offset / AgePiece * piece
	to = ((offset+length-1)/AgePiece + 1) * piece
	return from, min(to, payload)
}

// IsSealed reports whether a stored object is sealed.
func IsSealed(stored []byte) bool { return bytes.HasPrefix(stored, []byte(ageIntro)) }

// SealedToPassphrase reports whether an object in keys/ is sealed to a passphrase.
func SealedToPassphrase(stored []byte) bool {
	return bytes.HasPrefix(stored, []byte(ageIntro+"-> scrypt "))
}
