package repo

import (
	"io"
	"os"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/zeebo/blake3"
)

// spool is an object on its way to the store: sealed while it is written, hashed on the way, kept in a file. Memory
// stays flat, no plaintext touches the disk, and the name is known when the last byte is written.
type spool struct {
	file    local.File
	hash    *blake3.Hasher
	size    int64
	sealed  io.WriteCloser
	fileKey []byte
	named   bool // the file has its name still
}

// newSpool begins an object in an empty file. A file without a name is gone with the process, however that ends; one that
// is named still, since an open file cannot be removed everywhere, is removed by close.
func newSpool(file local.File, named bool, recipients []age.Recipient) (s *spool, err error) {
	s = &spool{file: file, hash: blake3.New(), named: named}
	s.sealed, s.fileKey, err = seal(spoolFile{s}, recipients)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// spoolFile takes the sealed bytes.
type spoolFile struct{ s *spool }

func (f spoolFile) Write(p []byte) (int, error) {
	n, err := f.s.file.Write(p)
	f.s.hash.Write(p[:n])
	f.s.size += int64(n)
	return n, err
}

// Write adds plaintext.
func (s *spool) Write(p []byte) (int, error) { return s.sealed.Write(p) }

// finish ends the object and returns its hash.
func (s *spool) finish() (hash [32]byte, err error) {
	if err := s.sealed.Close(); err != nil {
		return hash, err
	}
	s.hash.Sum(hash[:0])
	return hash, nil
}

// plain opens what was written, after finish.
func (s *spool) plain() (io.ReaderAt, int64, error) {
	if s.fileKey == nil {
		return hostFile{s.file}, s.size, nil
	}
	return unsealAt(hostFile{s.file}, s.size, age.NewInjectedFileKeyIdentity(s.fileKey))
}

// close forgets the object. It may be called more than once.
func (s *spool) close() {
	_ = s.file.Close()
	if s.named {
		s.named = os.Remove(s.file.Name()) != nil
	}
}
