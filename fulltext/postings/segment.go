package postings

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"sort"
)

// ErrFormat means that a segment is not as a Builder or Merge wrote it.
var ErrFormat = errors.New("the segment of the index has an error")

// Store reads the bytes of a segment: len(p) bytes at an offset.
type Store interface {
	ReadAt(p []byte, offset int64) error
}

// Segment is a segment that is searched. It is for one goroutine at a time.
type Segment struct {
	store  Store
	meta   Meta
	rows   []int64 // by ordinal, descending
	leaves []leaf  // nil until a word is looked up
	firsts []byte  // the first words of the leaves
}

// leaf is where a leaf is, and where its first word is in firsts.
type leaf struct {
	offset     int64
	size       int
	begin, end int
}

// Open opens a segment.
func Open(store Store, meta Meta) (*Segment, error) {
	s := &Segment{store: store, meta: meta}
	var err error
	s.rows, err = parseRows(meta.Rows)
	return s, err
}

// From returns the first ordinal whose row is not after a row.
func (s *Segment) From(row int64) uint32 {
	at, _ := slices.BinarySearchFunc(s.rows, row, func(a, b int64) int { return cmp.Compare(b, a) })
	return uint32(at)
}

// parseRows inverts appendRows.
func parseRows(from []byte) ([]int64, error) {
	f := fields{rest: from}
	n := f.uvarint()
	if f.failed || n > uint64(len(from)) {
		return nil, ErrFormat
	}
	rows := make([]int64, n)
	for i := range rows {
		if i == 0 {
			rows[0] = f.varint()
			continue
		}
		rows[i] = rows[i-1] - int64(f.uvarint())
		f.failed = f.failed || rows[i] >= rows[i-1]
	}
	return rows, f.end()
}

// readLeaves reads the index of the leaves.
func (s *Segment) readLeaves() error {
	if s.leaves != nil {
		return nil
	}
	f := fields{rest: s.meta.Leaves}
	var word, firsts []byte
	leaves := []leaf{}
	end := uint64(0)
	for len(f.rest) > 0 && !f.failed {
		offset := end + f.uvarint()
		size := f.uvarint()
		end = offset + size
		if word = f.word(word); f.failed || size > uint64(s.meta.Size) || end > uint64(s.meta.Size) {
			return ErrFormat
		}
		firsts = append(firsts, word...)
		leaves = append(leaves, leaf{int64(offset), int(size), len(firsts) - len(word), len(firsts)})
	}
	s.leaves, s.firsts = leaves, firsts
	return f.end()
}

// entry is a word and the list of its documents.
type entry struct {
	word  []byte
	count int
	list  []byte // if it is in the leaf

	chunkCount int // or else
	offset     uint64
	chunks     []byte
}

// scan calls do for the words from a word on, until do returns false. The entry is valid during the
// call.
func (s *Segment) scan(from []byte, do func(*entry) (more bool, err error)) error {
	if err := s.readLeaves(); err != nil {
		return err
	}
	first := sort.Search(len(s.leaves), func(i int) bool {
		return bytes.Compare(s.firsts[s.leaves[i].begin:s.leaves[i].end], from) > 0
	})
	var buffer []byte
	var e entry
	for _, l := range s.leaves[max(first-1, 0):] {
		buffer = slices.Grow(buffer[:0], l.size)[:l.size]
		if err := s.store.ReadAt(buffer, l.offset); err != nil {
			return err
		}
		e.word = e.word[:0]
		for f := (fields{rest: buffer}); len(f.rest) > 0; {
			if f.entry(&e); f.failed {
				return ErrFormat
			}
			if bytes.Compare(e.word, from) < 0 {
				continue
			}
			if more, err := do(&e); !more || err != nil {
				return err
			}
		}
	}
	return nil
}

// list returns the list of a word, or nil if no document has it.
func (s *Segment) list(word []byte) (l *list, err error) {
	err = s.scan(word, func(e *entry) (bool, error) {
		if bytes.Equal(e.word, word) {
			e.list = bytes.Clone(e.list)
			l, err = s.open(e)
		}
		return false, err
	})
	return l, err
}

// fields reads numbers and words.
type fields struct {
	rest   []byte
	failed bool
}

func (f *fields) end() error {
	if f.failed || len(f.rest) > 0 {
		return ErrFormat
	}
	return nil
}

func (f *fields) uvarint() uint64 {
	if len(f.rest) > 0 && f.rest[0] < 0x80 { // most are short
		v := f.rest[0]
		f.rest = f.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(f.rest)
	if n <= 0 {
		f.failed, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	if n <= 0 {
		f.failed, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

// bytes returns the next n bytes.
func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.rest)) {
		f.failed, f.rest = true, nil
		return nil
	}
	p := f.rest[:n:n]
	f.rest = f.rest[n:]
	return p
}

// word inverts appendWord: it replaces the previous word by the next one.
func (f *fields) word(previous []byte) []byte {
	shared := f.uvarint()
	more := f.bytes(f.uvarint())
	if shared > uint64(len(previous)) {
		f.failed = true
		return previous
	}
	return append(previous[:shared], more...)
}

// entry reads an entry after another one.
func (f *fields) entry(e *entry) {
	e.word = f.word(e.word)
	e.count = int(min(f.uvarint(), 1<<32))
	kind := f.uvarint()
	if e.list, e.chunks, e.chunkCount = nil, nil, 0; kind&1 == 0 {
		e.list = f.bytes(kind >> 1)
		return
	}
	e.offset = f.uvarint()
	begin := f.rest
	if kind>>1 > uint64(len(begin)) {
		f.failed = true
		return
	}
	e.chunkCount = int(kind >> 1)
	for range 2 * e.chunkCount {
		f.uvarint()
	}
	e.chunks = begin[:len(begin)-len(f.rest)]
}
