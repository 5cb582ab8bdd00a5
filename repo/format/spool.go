package format

import (
	"io"
	"os"

	"filippo.io/age"
	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/internal/local"
)

// Spool is an object in a file, on its way to the store. It is sealed and hashed while it is
// written, so it takes little memory, no plaintext reaches the disk, and the hash is known with the
// last byte.
type Spool struct {
	File local.File // the bytes to put
	Size int64

	hash    *blake3.Hasher
	sealed  io.WriteCloser
	fileKey []byte
	named   bool // the file still has its name
}

// NewSpool begins an object in an empty file. On systems that can remove an open file, the caller
// has removed its name, so that the file vanishes with the process. Elsewhere it is still named,
// and Close removes it.
func NewSpool(file local.File, named bool, recipients []age.Recipient) (s *Spool, err error) {
	s = &Spool{File: file, hash: blake3.New(), named: named}
	s.sealed, s.fileKey, err = seal(spoolFile{s}, recipients)
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// spoolFile takes the sealed bytes.
type spoolFile struct{ s *Spool }

func (f spoolFile) Write(p []byte) (int, error) {
	n, err := f.s.File.Write(p)
	f.s.hash.Write(p[:n])
	f.s.Size += int64(n)
	return n, err
}

// Write adds plaintext.
func (s *Spool) Write(p []byte) (int, error) { return s.sealed.Write(p) }

// Finish completes the object and returns its hash.
func (s *Spool) Finish() (hash [32]byte, err error) {
	if err := s.sealed.Close(); err != nil {
		return hash, err
	}
	s.hash.Sum(hash[:0])
	return hash, nil
}

// Plain opens what was written, after Finish.
func (s *Spool) Plain() (io.ReaderAt, int64, error) {
	if s.fileKey == nil {
		return HostFile{s.File}, s.Size, nil
	}
	return UnsealAt(HostFile{s.File}, s.Size, age.NewInjectedFileKeyIdentity(s.fileKey))
}

// Close discards the object. It may be called more than once.
func (s *Spool) Close() {
	_ = s.File.Close()
	if s.named {
		s.named = os.Remove(s.File.Name()) != nil
	}
}
