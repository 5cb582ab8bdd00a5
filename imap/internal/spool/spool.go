package spool

import (
	"bytes"
	"io"
	"os"

	"github.com/mailstrata/mailstrata/internal/local"
)

// Buffer is a message put aside: small ones in memory, what is more in a file that has no name.
type Buffer struct {
	memory []byte
	file   *local.File
	Size   int64
}

// MaxMemory is how much of a message is held in memory.
const MaxMemory = 1 << 20

// Expect makes room at once for what will be held: a buffer that grows by doubling costs as much again.
func (s *Buffer) Expect(size int64) { s.memory = make([]byte, 0, min(max(size, 0), MaxMemory)) }

// Hold puts aside a message that is in memory, and will not change there.
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
		os.Remove(file.Name()) // it lives as long as it is open, and cannot be left behind
	}
	s.memory = append(s.memory, p[:room]...)
	n, err := s.file.Write(p[room:])
	return room + n, err
}

// Open reads the message from its beginning, as often as it is called.
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

// CopyTo copies the message to w.
func (s *Buffer) CopyTo(w io.Writer) error {
	content, err := s.Open()
	if err == nil {
		_, err = io.Copy(w, content)
	}
	return err
}

func (s *Buffer) Drop() {
	s.memory = nil
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}
