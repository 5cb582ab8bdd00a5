package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/internal/local"
)

// A sealed object is one age file. age authenticates that the bytes are those that somebody sealed, in 64 KiB pieces;
// who that was, the container's tag tells.
const (
	AgePiece    = 64 << 10 // plaintext of a piece
	AgeOverhead = 16       // of a piece
	AgeNonce    = 16       // between header and pieces
	ageIntro    = "age-encryption.org/v1\n"
)

// seal returns a writer that seals to recipients what is written to it, and the key of this one file, by which a
// writer that cannot open its own packs can still look through them before they are put.
func seal(w io.Writer, recipients []age.Recipient) (io.WriteCloser, []byte, error) {
	if len(recipients) == 0 {
		return nopCloser{w}, nil, nil
	}
	overheard := &keyRecorder{Recipient: recipients[0]}
	sealed, err := age.Encrypt(w, append([]age.Recipient{overheard}, recipients[1:]...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, overheard.fileKey, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// eavesdropper is a recipient that remembers the file key which it is given to wrap.
type keyRecorder struct {
	age.Recipient
	fileKey []byte
}

func (e *keyRecorder) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	e.fileKey = bytes.Clone(fileKey)
	return e.Recipient.Wrap(fileKey)
}

// WrapWithLabels implements age.RecipientWithLabels, by which age keeps post-quantum recipients apart from others.
func (e *keyRecorder) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	labelled, ok := e.Recipient.(age.RecipientWithLabels)
	if !ok {
		stanzas, err := e.Wrap(fileKey)
		return stanzas, nil, err
	}
	e.fileKey = bytes.Clone(fileKey)
	return labelled.WrapWithLabels(fileKey)
}

// unseal opens the object in stored. A nil identity means that it is not sealed.
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

// unsealAt is unseal for an object that is read in parts.
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

// unsealError distinguishes a wrong key from damaged bytes. It does not change errors of the store or of this host.
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

// damagedReader makes age's errors ours.
type unsealedReader struct{ r io.ReaderAt }

func (d unsealedReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = UnsealError(err)
	}
	return n, err
}

// hostFile is a file of this host. It carries read errors through age, so that bytes that this host cannot read do not count as
// damage.
type HostFile struct{ local.File }

func (f HostFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if local.Is(err) {
		err = &ReadError{err}
	}
	return n, err
}

// fetchError carries an error of the store, or of this host, through age.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return e.Err.Error() }
func (e *ReadError) Unwrap() error { return e.Err }

// coveringRange is the range of pieces, in bytes of the payload, that covers length bytes of plaintext from offset.
func CoveringRange(offset, length, payload int64) (from, to int64) {
	const piece = AgePiece + AgeOverhead
	from = offset / AgePiece * piece
	to = ((offset+length-1)/AgePiece + 1) * piece
	return from, min(to, payload)
}

func IsSealed(stored []byte) bool { return bytes.HasPrefix(stored, []byte(ageIntro)) }

// byPassphrase reports whether an object in keys/ is sealed to a passphrase.
func SealedToPassphrase(stored []byte) bool {
	return bytes.HasPrefix(stored, []byte(ageIntro+"-> scrypt "))
}
