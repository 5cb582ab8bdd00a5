// Package spool holds messages while they wait: small ones in memory, large ones in a temporary
// file.
package spool

import (
	"bytes"
	"io"
	"os"

	"github.com/mailstrata/mailstrata/internal/local"
)

// Buffer holds one message: the first MaxMemory bytes in memory, the rest in a file without a name.
type Buffer struct {
	memory []byte
	file   *local.File
	Size   int64
}

// MaxMemory is how many bytes of a message are held in memory.
const MaxMemory = 1 << 20

// Expect allocates memory for a message of this size. A buffer that grows by doubling would cost
// twice as much.
func (s *Buffer) Expect(size int64) { s.memory = make([]byte, 0, min(max(size, 0), MaxMemory)) }

// Hold makes message the content, without a copy. The caller must not change it.
func (s *Buffer) Hold(message []byte) {
	s.memory, s.Size = message[:len(message):len(message)], int64(len(message))
}

func (s *Buffer) Write(p []byte) (int, error) {
	s.Size += int64(len(p))
	room := max(0, MaxMemory-len(s.memory))
	if s.file == nil && len(p) <= room {
		s.memory = append(s.memory, p...)
		return len(p), nil
	}
	if s.file == nil {
		file, err := local.CreateTemp("mailstrata-")
		if err != nil {
			return 0, err
		}
		s.file = &local.File{File: file}
		os.Remove(file.Name()) // the file exists as long as it is open, and cannot be left behind
	}
	s.memory = append(s.memory, p[:room]...)
	n, err := s.file.Write(p[room:])
	return room + n, err
}

// Open returns a reader of the message from its beginning. It can be called again.
func (s *Buffer) Open() (io.Reader, error) {
	held := bytes.NewReader(s.memory)
	if s.file == nil {
		return held, nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.MultiReader(held, s.file), nil
}

// CopyTo writes the message to w.
func (s *Buffer) CopyTo(w io.Writer) error {
	content, err := s.Open()
	if err == nil {
		_, err = io.Copy(w, content)
	}
	return err
}

// Drop frees what the buffer holds.
func (s *Buffer) Drop() {
	s.memory = nil
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}
