package format

import (
	"io"
	"os"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/zeebo/blake3"
)

// spool is an object on its way to the store: sealed while it is written, hashed on the way, kept in a file. Memory
// stays flat, no plaintext touches the disk, and the name is known when the last byte is written.
type Spool struct {
	File    local.File
	hash    *blake3.Hasher
	Size    int64
	sealed  io.WriteCloser
	fileKey []byte
	named   bool // the file has its name still
}

// newSpool begins an object in an empty file. A file without a name is gone with the process, however that ends; one that
// is named still, since an open file cannot be removed everywhere, is removed by close.
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

// finish ends the object and returns its hash.
func (s *Spool) Finish() (hash [32]byte, err error) {
	if err := s.sealed.Close(); err != nil {
		return hash, err
	}
	s.hash.Sum(hash[:0])
	return hash, nil
}

// plain opens what was written, after finish.
func (s *Spool) Plain() (io.ReaderAt, int64, error) {
	if s.fileKey == nil {
		return HostFile{s.File}, s.Size, nil
	}
	return UnsealAt(HostFile{s.File}, s.Size, age.NewInjectedFileKeyIdentity(s.fileKey))
}

// close forgets the object. It may be called more than once.
func (s *Spool) Close() {
	_ = s.File.Close()
	if s.named {
		s.named = os.Remove(s.File.Name()) != nil
	}
}
