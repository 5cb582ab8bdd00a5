package postings

import (
	"encoding/binary"
	"slices"
)

// none is after all ordinals.
const none = 1<<32 - 1

// list is the list of the documents of a word, at one of them.
type list struct {
	store  Store
	count  int
	chunks []chunk // that are left
	last   uint32  // the last ordinal that can be in the chunk that was read
	base   uint32  // the last ordinal before the next chunk, plus 1
	done   bool

	documents, places []byte // what is left of the chunk
	buffer            []byte
	at                uint32 // the ordinal of the document where it is, plus 1; 0 before the first one
	size              int    // of its places, which are the first of places
}

// chunk is a chunk of a long list.
type chunk struct {
	last   uint32 // ordinal
	offset int64
	size   int
}

// open opens the list of an entry. The list keeps what the entry has in its leaf.
func (s *Segment) open(e *entry) (*list, error) {
	l := &list{}
	return l, s.openInto(l, e)
}

// openInto opens the list of an entry in place of another one.
func (s *Segment) openInto(l *list, e *entry) error {
	*l = list{store: s.store, count: e.count, last: none - 1, buffer: l.buffer, chunks: l.chunks[:0]}
	if e.chunkCount == 0 {
		return l.read(e.list)
	}
	l.chunks = slices.Grow(l.chunks, e.chunkCount)
	f := fields{rest: e.chunks}
	end, offset := uint64(0), e.offset
	for range e.chunkCount {
		end += f.uvarint()
		size := f.uvarint()
		if f.failed || end == 0 || end >= none || size > uint64(s.meta.Size) || offset+size > uint64(s.meta.Size) {
			return ErrFormat
		}
		l.chunks = append(l.chunks, chunk{uint32(end - 1), int64(offset), int(size)})
		offset += size
	}
	return f.end()
}

// read begins a chunk, or the list of a leaf.
func (l *list) read(chunk []byte) error {
	f := fields{rest: chunk}
	l.documents = f.bytes(f.uvarint())
	l.places, l.size = f.rest, 0
	if f.failed {
		return ErrFormat
	}
	return nil
}

func (l *list) cost() int { return l.count }

// seek goes to the first document with an ordinal that is at least this one, and returns its
// ordinal, or none.
func (l *list) seek(ordinal uint32) (uint32, error) {
	if l.done {
		return none, nil
	}
	if l.at > ordinal {
		return l.at - 1, nil
	}
	for {
		if l.last >= ordinal {
			for len(l.documents) > 0 {
				if err := l.next(); err != nil {
					return none, err
				}
				if l.at > ordinal {
					return l.at - 1, nil
				}
			}
		}
		for len(l.chunks) > 0 && l.chunks[0].last < ordinal {
			l.base, l.chunks = l.chunks[0].last+1, l.chunks[1:]
		}
		if len(l.chunks) == 0 {
			l.done = true
			return none, nil
		}
		c := l.chunks[0]
		l.at, l.base, l.last, l.chunks = l.base, c.last+1, c.last, l.chunks[1:]
		l.buffer = slices.Grow(l.buffer[:0], c.size)[:c.size]
		if err := l.store.ReadAt(l.buffer, c.offset); err != nil {
			return none, err
		}
		if err := l.read(l.buffer); err != nil {
			return none, err
		}
	}
}

// next goes to the next document of the chunk.
func (l *list) next() error {
	if l.size > len(l.places) {
		return ErrFormat
	}
	l.places = l.places[l.size:]
	delta, n := uint64(l.documents[0]), 1
	if delta >= 0x80 {
		if delta, n = binary.Uvarint(l.documents); n <= 0 {
			return ErrFormat
		}
	}
	l.documents = l.documents[n:]
	l.size = 1
	if delta&1 == 0 {
		size, n := binary.Uvarint(l.documents)
		if n <= 0 || size > uint64(len(l.places)) {
			return ErrFormat
		}
		l.documents, l.size = l.documents[n:], int(size)
	}
	at := uint64(l.at) + delta>>1 + 1
	if at >= none || delta>>1 >= none || l.size > len(l.places) {
		return ErrFormat
	}
	l.at = uint32(at)
	return nil
}

// raw returns the places in the document where the list is, as they are encoded.
func (l *list) raw() []byte { return l.places[:l.size] }

// appendTo adds the places in the document where the list is. They ascend.
func (l *list) appendTo(places []uint64) ([]uint64, error) { return parsePlaces(places, l.raw()) }

// parsePlaces inverts appendPlaces: it adds places, each the column and the ordinal in the column.
func parsePlaces(to []uint64, from []byte) ([]uint64, error) {
	base, at := uint64(0), uint64(0) // at is the ordinal plus 1
	for i := 0; i < len(from); {
		delta, n := uint64(from[i]), 1
		if delta >= 0x80 {
			if delta, n = binary.Uvarint(from[i:]); n <= 0 {
				return nil, ErrFormat
			}
		}
		i += n
		if delta == 0 {
			if i == len(from) || from[i] > 7 || uint64(from[i])<<columnShift <= base {
				return nil, ErrFormat
			}
			base, at = uint64(from[i])<<columnShift, 0
			i++
			continue
		}
		if at += delta; at > 1<<columnShift || delta > 1<<columnShift {
			return nil, ErrFormat
		}
		to = append(to, base|(at-1))
	}
	return to, nil
}
