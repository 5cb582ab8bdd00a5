package mbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/mailstrata/mailstrata/internal/header"
)

// Variant says how lines that look like From lines are written in the text of a message. There is
// no mark of it in a file.
type Variant uint8

const (
	RD  Variant = iota // ">" before each line of ">"s and "From "
	O                  // ">" before "From " alone: ">>From " is as it was
	CL2                // nothing; Content-Length says where the message ends
	Any                // ">" before each line of ">"s and "From": imap-backup's
)

func (v Variant) String() string {
	return [...]string{"mboxrd", "mboxo", "mboxcl2", "imap-backup's"}[v]
}

// Place is where a message is in an mbox.
type Place struct {
	From       int64 // the From line
	Start, End int64 // the text
}

// ErrNotMbox reports that a file does not begin with a From line.
var ErrNotMbox = errors.New("it does not begin with a From line, as an mbox does")

// BOM is the mark that some editors write before the first line of a file. It is no part of the
// mbox.
const BOM = "\ufeff"

// These constants are in bytes.
const (
	maxFromLine  = 1 << 10 // the longest From line
	maxFieldName = 256     // of the line after it, the most that is looked at
)

// Scan calls take with the place of each message of the first size bytes of file. A message begins
// with a From line (IsFromLine), after an empty line or at the beginning. The empty line before it
// belongs to the mbox.
//
// doubts are the lines that may be From lines and were read as text.
func Scan(
	ctx context.Context, file io.ReaderAt, size int64, v Variant, take func(Place) error,
) (doubts Doubts, err error) {
	s := &scan{file: file, size: size, variant: v, take: take}
	s.r = bufio.NewReaderSize(io.NewSectionReader(file, 0, size), 256<<10)
	if err = s.run(ctx); err == nil {
		err = s.end()
	}
	return s.doubts, err
}

// Doubts counts lines that may be From lines.
type Doubts struct {
	Beside  int64 // no empty line is before them: some programs write none
	Undated int64 // their dates are in no form that is known, and a field follows
}

type scan struct {
	file    io.ReaderAt
	size    int64
	variant Variant
	take    func(Place) error
	r       *bufio.Reader

	at     int64 // of the line that is read next
	place  Place // of the message that is read
	open   bool  // there is one
	empty  int64 // where the empty line before the next line begins; -1: there is none
	head   bool  // in the header
	length int64 // Content-Length of the message; -1: none
	doubts Doubts
}

func (s *scan) run(ctx context.Context) error {
	for lines := 0; s.at < s.size; lines++ {
		if lines%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, size, err := s.line()
		if err != nil {
			return err
		}
		if err := s.takeLine(line, size); err != nil {
			return err
		}
	}
	return nil
}

// line returns the beginning of the next line, as much as fits into the buffer, and the size of the
// line.
func (s *scan) line() (line []byte, size int64, err error) {
	line, err = s.r.ReadSlice('\n')
	size = int64(len(line))
	if errors.Is(err, bufio.ErrBufferFull) {
		line = bytes.Clone(line[:maxFromLine])
		for errors.Is(err, bufio.ErrBufferFull) {
			var more []byte
			more, err = s.r.ReadSlice('\n')
			size += int64(len(more))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
		if size == 0 {
			err = io.ErrUnexpectedEOF // the file became shorter
		}
	}
	return line, size, err
}

// takeLine takes a line of size bytes, or its beginning.
func (s *scan) takeLine(line []byte, size int64) error {
	at := s.at
	s.at += size
	if at == 0 && bytes.HasPrefix(line, []byte(BOM)) {
		line, at, size = line[len(BOM):], at+int64(len(BOM)), size-int64(len(BOM))
	}
	blank := len(line) == 1 && line[0] == '\n' || len(line) == 2 && line[0] == '\r' && line[1] == '\n'
	if bytes.HasPrefix(line, []byte(fromWord)) && size <= maxFromLine {
		line = bytes.Clone(line) // Peek may move it
		next, _ := s.r.Peek(maxFieldName)
		switch ok := IsFromLine(line, next); {
		case ok && s.empty >= 0:
			return s.begin(at)
		case ok:
			s.doubts.Beside++
		case s.empty >= 0 && header.IsField(next):
			s.doubts.Undated++
		}
	}
	switch {
	case !s.open && !blank:
		return ErrNotMbox
	case !s.open:
		return nil
	case s.head && blank:
		s.head = false
		if s.variant == CL2 {
			if err := s.skip(); err != nil {
				return err
			}
		}
	case s.head:
		if n, ok := contentLength(line); ok {
			s.length = n
		}
	}
	s.empty = -1
	if blank && s.at == at+size { // nothing was skipped
		s.empty = at
	}
	return nil
}

// begin ends the message before a From line, and begins the one after it.
func (s *scan) begin(at int64) error {
	if err := s.end(); err != nil {
		return err
	}
	s.place, s.open, s.head, s.length, s.empty = Place{From: at, Start: s.at}, true, true, -1, -1
	return nil
}

// end ends the last message. The empty line at its end belongs to the mbox.
func (s *scan) end() error {
	if !s.open {
		return nil
	}
	s.open = false
	s.place.End = s.at
	if s.at > s.place.Start && s.empty >= s.place.Start {
		s.place.End = s.empty
	} else if s.empty >= 0 && s.empty < s.place.Start {
		s.place.End = s.place.Start
	}
	return s.take(s.place)
}

// skip skips the text of a message whose Content-Length is right.
func (s *scan) skip() error {
	if s.length <= 0 || !endsAt(s.file, s.size, s.at+s.length) {
		return nil
	}
	s.at += s.length
	s.r.Reset(io.NewSectionReader(s.file, s.at, s.size-s.at))
	return nil
}

// endsAt reports whether a message may end at an offset: nothing but an empty line and a From line
// follow, or the end.
func endsAt(file io.ReaderAt, size, at int64) bool {
	if at < 0 || at > size {
		return false
	}
	b := make([]byte, maxFromLine)
	n, _ := file.ReadAt(b[:min(int64(len(b)), size-at)], at)
	rest := bytes.TrimLeft(b[:n], "\r\n")
	if len(rest) == 0 {
		return at+int64(n) == size
	}
	if n == len(rest) {
		return false // there is no empty line
	}
	line, next, _ := bytes.Cut(rest, []byte("\n"))
	return IsFromLine(line, next)
}

// contentLength returns the number in a field Content-Length.
func contentLength(line []byte) (int64, bool) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !bytes.EqualFold(name, []byte("Content-Length")) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 63)
	return n, err == nil && n >= 0
}

// FindVariant returns the variant of an mbox: CL2 if each message has a Content-Length that is
// right, and a line of a text looks like a From line and has no ">" before it. Otherwise it is RD:
// a file of the variant O reads the same, except for lines that had a ">" before "From " already.
func FindVariant(ctx context.Context, file io.ReaderAt, size int64) (Variant, error) {
	count := 0
	_, err := Scan(ctx, file, size, CL2, func(p Place) error {
		count++
		at, ok, err := lengthOf(file, p)
		if err != nil {
			return err
		}
		if !ok || at != p.End {
			return errNotCL2
		}
		return nil
	})
	if errors.Is(err, errNotCL2) || err == nil && count == 0 {
		return RD, nil
	}
	if err != nil {
		return RD, err
	}
	others := 0 // From lines, those in texts too
	if _, err := Scan(ctx, file, size, RD, func(Place) error { others++; return nil }); err != nil {
		return RD, err
	}
	if others > count {
		return CL2, nil
	}
	return RD, nil
}

var errNotCL2 = errors.New("a message without a right Content-Length")

// lengthOf returns where a message ends by its Content-Length.
func lengthOf(file io.ReaderAt, p Place) (end int64, ok bool, err error) {
	r := bufio.NewReader(io.NewSectionReader(file, p.Start, p.End-p.Start))
	at, length := p.Start, int64(-1)
	for {
		line, err := r.ReadSlice('\n')
		at += int64(len(line))
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) || errors.Is(err, io.EOF) {
				return 0, false, nil
			}
			return 0, false, fmt.Errorf("read the header: %w", err)
		}
		if n, ok := contentLength(line); ok {
			length = n
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return at + length, length >= 0, nil
		}
	}
}
