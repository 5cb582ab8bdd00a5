package cache

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"os"

	"github.com/mailstrata/mailstrata/internal/local"
)

// Scratch holds chunks in a temporary file while they are put in order. The file is encrypted with
// a key that only this process has, so no mail is on the disk in plain.
type Scratch struct {
	file  local.File
	named bool
	key   cipher.Block
	size  int64
	buf   []byte
}

// Scratch makes an empty Scratch.
func (d *Dir) Scratch() (*Scratch, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	file, named, err := d.SpoolFile("scratch-*")
	if err != nil {
		return nil, err
	}
	return &Scratch{file: file, named: named, key: key}, nil
}

// Close removes the file.
func (s *Scratch) Close() {
	_ = s.file.Close()
	if s.named {
		_ = os.Remove(s.file.Name())
	}
}

// Add appends data and returns where it begins.
func (s *Scratch) Add(data []byte) (at int64, err error) {
	at = s.size
	padded := (len(data) + aes.BlockSize - 1) / aes.BlockSize * aes.BlockSize // so each chunk begins at a block of the cipher
	if cap(s.buf) < padded {
		s.buf = make([]byte, padded)
	}
	s.crypt(at, s.buf[:len(data)], data)
	if _, err := s.file.WriteAt(s.buf[:len(data)], at); err != nil {
		return 0, local.Fail("write", s.file.Name(), err)
	}
	s.size += int64(padded)
	return at, nil
}

// Read fills data with what begins at a place that Add returned.
func (s *Scratch) Read(at int64, data []byte) error {
	if _, err := s.file.ReadAt(data, at); err != nil {
		return local.Fail("read", s.file.Name(), err)
	}
	s.crypt(at, data, data)
	return nil
}

// crypt encrypts or decrypts: no two bytes of the file have the same part of the key stream.
func (s *Scratch) crypt(at int64, dst, src []byte) {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(at/aes.BlockSize))
	cipher.NewCTR(s.key, counter[:]).XORKeyStream(dst, src)
}
