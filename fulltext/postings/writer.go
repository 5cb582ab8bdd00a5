package postings

import (
	"encoding/binary"
	"slices"
)

// Sizes in bytes. A longer list than maxInline is not in its leaf, so that leaves have words and
// can be searched.
const (
	leafSize  = 4 << 10
	chunkSize = 4 << 10
	maxInline = 1 << 10
)

// Meta is what a caller keeps beside the bytes of a segment.
type Meta struct {
	Rows, Leaves []byte
	Documents    int
	Size         int64 // of the bytes
}

// writer writes a segment: words in ascending order, and for each the documents in ascending order.
type writer struct {
	put    func([]byte) error
	offset int64

	leaf     []byte
	leafWord []byte // the last word in the leaf
	leaves   []byte
	leafEnd  int64  // of the last leaf
	first    []byte // the first word of the leaf
	previous []byte // the first word of the leaf before

	word        []byte
	count       int    // documents
	last        uint32 // ordinal plus 1
	documents   []byte // of the chunk
	places      []byte
	chunks      []byte // the table of chunks
	chunkCount  int
	chunkOffset int64
	chunkLast   uint32
	buffer      []byte
}

func newWriter(put func([]byte) error) *writer { return &writer{put: put} }

// write writes bytes.
func (w *writer) write(p []byte) error {
	w.offset += int64(len(p))
	return w.put(p)
}

// begin begins a word.
func (w *writer) begin(word []byte) {
	w.word = append(w.word[:0], word...)
	w.count, w.last, w.chunkCount, w.chunkLast = 0, 0, 0, 0
	w.documents, w.places, w.chunks = w.documents[:0], w.places[:0], w.chunks[:0]
}

// add adds a document to the word.
func (w *writer) add(ordinal uint32, places []byte) error {
	delta := uint64(ordinal-w.last) << 1
	if len(places) == 1 {
		w.documents = binary.AppendUvarint(w.documents, delta|1)
	} else {
		w.documents = binary.AppendUvarint(w.documents, delta)
		w.documents = binary.AppendUvarint(w.documents, uint64(len(places)))
	}
	w.places = append(w.places, places...)
	w.last = ordinal + 1
	w.count++
	if len(w.documents)+len(w.places) < chunkSize {
		return nil
	}
	return w.chunk()
}

// chunk writes a chunk of a long list.
func (w *writer) chunk() error {
	if w.chunkCount == 0 {
		w.chunkOffset = w.offset
	}
	w.buffer = appendList(w.buffer[:0], w.documents, w.places)
	w.chunks = binary.AppendUvarint(w.chunks, uint64(w.last-w.chunkLast))
	w.chunks = binary.AppendUvarint(w.chunks, uint64(len(w.buffer)))
	w.chunkLast = w.last
	w.chunkCount++
	w.documents, w.places = w.documents[:0], w.places[:0]
	return w.write(w.buffer)
}

func appendList(to, documents, places []byte) []byte {
	to = binary.AppendUvarint(to, uint64(len(documents)))
	return append(append(to, documents...), places...)
}

// end ends a word. A word without documents is left out.
func (w *writer) end() error {
	if w.count == 0 {
		return nil
	}
	size := len(w.documents) + len(w.places)
	if w.chunkCount > 0 && size > 0 || size > maxInline {
		if err := w.chunk(); err != nil {
			return err
		}
	}
	entry := len(w.word) + size + len(w.chunks) + 5*binary.MaxVarintLen32
	if len(w.leaf) > 0 && len(w.leaf)+entry > leafSize {
		if err := w.closeLeaf(); err != nil {
			return err
		}
	}
	if len(w.leaf) == 0 {
		w.first = append(w.first[:0], w.word...)
		w.leafWord = w.leafWord[:0]
	}
	w.leaf = appendWord(w.leaf, w.leafWord, w.word)
	w.leafWord = append(w.leafWord[:0], w.word...)
	w.leaf = binary.AppendUvarint(w.leaf, uint64(w.count))
	if w.chunkCount > 0 {
		w.leaf = binary.AppendUvarint(w.leaf, uint64(w.chunkCount)<<1|1)
		w.leaf = binary.AppendUvarint(w.leaf, uint64(w.chunkOffset))
		w.leaf = append(w.leaf, w.chunks...)
		return nil
	}
	w.buffer = appendList(w.buffer[:0], w.documents, w.places)
	w.leaf = binary.AppendUvarint(w.leaf, uint64(len(w.buffer))<<1)
	w.leaf = append(w.leaf, w.buffer...)
	return nil
}

// appendWord encodes a word after another one.
func appendWord(to, previous, word []byte) []byte {
	shared := 0
	for shared < min(len(previous), len(word)) && previous[shared] == word[shared] {
		shared++
	}
	to = binary.AppendUvarint(to, uint64(shared))
	to = binary.AppendUvarint(to, uint64(len(word)-shared))
	return append(to, word[shared:]...)
}

// closeLeaf writes the leaf.
func (w *writer) closeLeaf() error {
	w.leaves = binary.AppendUvarint(w.leaves, uint64(w.offset-w.leafEnd))
	w.leaves = binary.AppendUvarint(w.leaves, uint64(len(w.leaf)))
	w.leaves = appendWord(w.leaves, w.previous, w.first)
	w.previous = append(w.previous[:0], w.first...)
	err := w.write(w.leaf)
	w.leafEnd = w.offset
	w.leaf = w.leaf[:0]
	return err
}

// close ends the segment.
func (w *writer) close(rows []int64) (Meta, error) {
	if len(w.leaf) > 0 {
		if err := w.closeLeaf(); err != nil {
			return Meta{}, err
		}
	}
	return Meta{appendRows(nil, rows), slices.Clone(w.leaves), len(rows), w.offset}, nil
}

// appendRows encodes rows, which descend.
func appendRows(to []byte, rows []int64) []byte {
	to = binary.AppendUvarint(to, uint64(len(rows)))
	for i, row := range rows {
		if i == 0 {
			to = binary.AppendVarint(to, row)
			continue
		}
		to = binary.AppendUvarint(to, uint64(rows[i-1]-row))
	}
	return to
}
