package repo

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
	agePiece    = 64 << 10 // plaintext of a piece
	ageOverhead = 16       // of a piece
	ageNonce    = 16       // between header and pieces
	ageIntro    = "age-encryption.org/v1\n"
)

// seal returns a writer that seals to recipients what is written to it, and the key of this one file, by which a
// writer that cannot open its own packs can still look through them before they are put.
func seal(w io.Writer, recipients []age.Recipient) (io.WriteCloser, []byte, error) {
	if len(recipients) == 0 {
		return nopCloser{w}, nil, nil
	}
	overheard := &eavesdropper{Recipient: recipients[0]}
	sealed, err := age.Encrypt(w, append([]age.Recipient{overheard}, recipients[1:]...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, overheard.fileKey, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// eavesdropper is a recipient that remembers the file key which it is given to wrap.
type eavesdropper struct {
	age.Recipient
	fileKey []byte
}

func (e *eavesdropper) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	e.fileKey = bytes.Clone(fileKey)
	return e.Recipient.Wrap(fileKey)
}

// WrapWithLabels implements age.RecipientWithLabels, by which age keeps post-quantum recipients apart from others.
func (e *eavesdropper) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	labelled, ok := e.Recipient.(age.RecipientWithLabels)
	if !ok {
		stanzas, err := e.Wrap(fileKey)
		return stanzas, nil, err
	}
	e.fileKey = bytes.Clone(fileKey)
	return labelled.WrapWithLabels(fileKey)
}

// unseal opens the object in stored. A nil identity means that it is not sealed.
func unseal(stored []byte, id age.Identity) ([]byte, error) {
	if id == nil {
		return stored, nil
	}
	r, err := age.Decrypt(bytes.NewReader(stored), id)
	if err != nil {
		return nil, unsealError(err)
	}
	plain := bytes.NewBuffer(make([]byte, 0, len(stored)))
	if _, err := plain.ReadFrom(r); err != nil {
		return nil, unsealError(err)
	}
	return plain.Bytes(), nil
}

// unsealAt is unseal for an object that is read in parts.
func unsealAt(r io.ReaderAt, size int64, id age.Identity) (io.ReaderAt, int64, error) {
	if id == nil {
		return r, size, nil
	}
	plain, size, err := age.DecryptReaderAt(r, size, id)
	if err != nil {
		return nil, 0, unsealError(err)
	}
	return damagedReader{plain}, size, nil
}

// unsealError distinguishes a wrong key from damaged bytes. It does not change errors of the store or of this host.
func unsealError(err error) error {
	var noMatch *age.NoIdentityMatchError
	if errors.As(err, &noMatch) {
		return fmt.Errorf("sealed to another key: %w", ErrNotMine)
	}
	if fetch := (*fetchError)(nil); errors.As(err, &fetch) {
		return fetch.err
	}
	return damaged("age: %v", err)
}

// damagedReader makes age's errors ours.
type damagedReader struct{ r io.ReaderAt }

func (d damagedReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unsealError(err)
	}
	return n, err
}

// hostFile is a file of this host. It carries read errors through age, so that bytes that this host cannot read do not count as
// damage.
type hostFile struct{ local.File }

func (f hostFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if local.Is(err) {
		err = &fetchError{err}
	}
	return n, err
}

// fetchError carries an error of the store, or of this host, through age.
type fetchError struct{ err error }

func (e *fetchError) Error() string { return e.err.Error() }
func (e *fetchError) Unwrap() error { return e.err }

// coveringRange is the range of pieces, in bytes of the payload, that covers length bytes of plaintext from offset.
func coveringRange(offset, length, payload int64) (from, to int64) {
	const piece = agePiece + ageOverhead
	from = offset / agePiece * piece
	to = ((offset+length-1)/agePiece + 1) * piece
	return from, min(to, payload)
}
