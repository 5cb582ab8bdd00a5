package postings

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/mailstrata/mailstrata/fulltext/words"
)

// Columns of a document, in their order. Most words are in the body, so its places are the
// shortest.
var columns = map[words.Column]uint8{words.Body: 0, words.Subject: 1, words.From: 2, words.To: 3, words.Attachment: 4}

// markAttachment is a word in the attachments of a document that has one. It is a character for
// private use, which is in no word.
const markAttachment = "\ue000"

// Marks stand among the numbers of words.
const (
	markEnd    = 1<<32 - 1 // ends a text: it takes a place, so that no phrase crosses from one text to the next
	markColumn = 1<<32 - 8 // plus the number of a column, which it begins
)

// Builder collects documents for segments.
type Builder struct {
	vocabulary vocabulary
	tokens     []uint32 // numbers of words, and marks
	documents  []document
	size       int
	atOnce     uint32 // how many places are sorted at once

	sorted []uint32 // the numbers of the words in the order of the words; tokens are places in it then
	counts []uint32 // by word, for segment
	places []uint64 // for segment
}

// document is a document of a Builder: a part of its tokens.
type document struct {
	row        int64
	begin, end int
}

// NewBuilder returns a Builder without documents.
func NewBuilder() *Builder { return &Builder{vocabulary: newVocabulary(), atOnce: sortedAtOnce} }

// Reset forgets all documents. It keeps the memory, unless it is more than a usual batch needs.
func (b *Builder) Reset() {
	if cap(b.tokens) > sortedAtOnce || cap(b.vocabulary.ends) > sortedAtOnce/4 {
		*b = *NewBuilder()
		return
	}
	b.vocabulary.reset()
	b.tokens, b.documents, b.size, b.sorted = b.tokens[:0], b.documents[:0], 0, nil
}

// tokenMemory is what Size counts for a token at least: it is 4 bytes of tokens, and 8 of places.
const tokenMemory = 4

// Size returns about a third of the memory that the documents take: the length of all their words
// with a byte after each, or more if the words are short.
func (b *Builder) Size() int { return max(b.size, tokenMemory*len(b.tokens)) }

// Add adds a document.
func (b *Builder) Add(row int64, f *words.Fields) {
	begin := len(b.tokens)
	b.body(f.Body)
	b.column(words.Subject, f.Subject)
	b.column(words.From, f.From)
	b.column(words.To, f.To)
	if len(f.Attachments) > 0 {
		b.column(words.Attachment, f.Attachments...)
	}
	b.documents = append(b.documents, document{row, begin, len(b.tokens)})
}

// column adds the texts of a column.
func (b *Builder) column(c words.Column, texts ...string) {
	begin := len(b.tokens)
	b.tokens = append(b.tokens, markColumn+uint32(columns[c]))
	if c == words.Attachment {
		b.tokens = append(b.tokens, b.vocabulary.number([]byte(markAttachment)), markEnd)
	}
	for _, text := range texts {
		b.text(text)
	}
	if len(b.tokens) == begin+2 { // no words
		b.tokens = b.tokens[:begin]
	}
}

// text adds the words of a text.
func (b *Builder) text(text string) {
	words.Scan(text, func(w words.Word) bool {
		b.tokens = append(b.tokens, b.vocabulary.number(w.Text))
		b.size += len(w.Text) + 1
		return true
	})
	b.tokens = append(b.tokens, markEnd)
}

// body adds the texts of the body. Those of a text that the one before or after it has, all of them
// in a row, are left out, because they add nothing to find: senders write the same into the plain
// text and into the HTML.
func (b *Builder) body(texts []string) {
	begin := len(b.tokens)
	ends := make([]int, len(texts))
	for i, text := range texts {
		b.text(text)
		ends[i] = len(b.tokens)
	}
	if len(texts) < 2 {
		return
	}
	of := func(i int) []uint32 { // without the mark at its end
		if i == 0 {
			return b.tokens[begin : ends[0]-1]
		}
		return b.tokens[ends[i-1] : ends[i]-1]
	}
	var kept [][]uint32
	for i := range texts {
		t := of(i)
		if i+1 < len(texts) && contains(of(i+1), t) || i > 0 && len(t) < len(of(i-1)) && contains(of(i-1), t) {
			continue
		}
		kept = append(kept, t[:len(t)+1])
	}
	if len(kept) < len(texts) {
		end := begin
		for _, t := range kept {
			end += copy(b.tokens[end:], t)
		}
		b.tokens = b.tokens[:end]
	}
}

// contains reports whether a text has another one in it, all in a row. It gives up, and reports
// false, when that takes long.
func contains(text, other []uint32) bool {
	if len(other) == 0 {
		return true
	}
	for budget := 4 * len(text); len(other) <= len(text) && budget > 0; {
		at := slices.Index(text[:len(text)-len(other)+1], other[0])
		if at < 0 {
			return false
		}
		text = text[at:]
		same := 1
		for same < len(other) && text[same] == other[same] {
			same++
		}
		if same == len(other) {
			return true
		}
		budget -= at + same
		text = text[1:]
	}
	return false
}

// Segments writes the documents as segments, one for each group. It calls write for each group with
// the rows and what writes them, and writes nothing else meanwhile.
func (b *Builder) Segments(
	group func(row int64) int64,
	write func(group int64, segment func(put func([]byte) error) (Meta, error)) error,
) error {
	b.sort()
	for rest := b.documents; len(rest) > 0; {
		n, of := 1, group(rest[0].row)
		for n < len(rest) && group(rest[n].row) == of {
			n++
		}
		documents := rest[:n]
		rest = rest[n:]
		err := write(of, func(put func([]byte) error) (Meta, error) { return b.segment(documents, put) })
		if err != nil {
			return err
		}
	}
	return nil
}

// sort brings documents and words into their orders. Tokens become places in the order of the
// words.
func (b *Builder) sort() {
	slices.SortFunc(b.documents, func(a, b document) int { return cmp.Compare(b.row, a.row) })
	b.sorted = b.vocabulary.sorted()
	order := make([]uint32, len(b.sorted))
	for place, number := range b.sorted {
		order[number] = uint32(place)
	}
	for i, t := range b.tokens {
		if t < markColumn {
			b.tokens[i] = order[t]
		}
	}
	if len(b.counts) < len(order) {
		b.counts = order
	}
	clear(b.counts)
}

// A place of a word in a segment is a number: the ordinal of the document, the column, and the
// ordinal in the column.
const (
	columnShift   = 32
	documentShift = 35
)

// sortedAtOnce is how many places of words are sorted at once, of 8 bytes each. A usual batch has
// fewer. One word can have more.
const sortedAtOnce = 4 << 20

// segment writes documents, newest first. It sorts the places of words by counting, those of as
// many words at once as sortedAtOnce allows.
func (b *Builder) segment(documents []document, put func([]byte) error) (Meta, error) {
	used := b.count(documents)
	w := newWriter(put)
	for rest := used; len(rest) > 0; {
		n, sum := 0, uint32(0)
		for n < len(rest) && (n == 0 || sum+b.counts[rest[n]] <= b.atOnce) {
			count := b.counts[rest[n]]
			b.counts[rest[n]] = sum // where its places begin
			sum += count
			n++
		}
		if err := b.write(w, documents, rest[:n], sum); err != nil {
			return Meta{}, err
		}
		rest = rest[n:]
	}
	rows := make([]int64, len(documents))
	for ordinal, d := range documents {
		rows[ordinal] = d.row
	}
	return w.close(rows)
}

// count counts how often each word is in documents, and returns the words in their order.
func (b *Builder) count(documents []document) (used []uint32) {
	for _, d := range documents {
		for _, t := range b.tokens[d.begin:d.end] {
			if t >= markColumn {
				continue
			}
			if b.counts[t] == 0 {
				used = append(used, t)
			}
			b.counts[t]++
		}
	}
	slices.Sort(used)
	return used
}

// write writes some words, which follow each other in the order of those of the documents. Their
// counts say where the places of each begin, of n in all.
func (b *Builder) write(w *writer, documents []document, some []uint32, n uint32) error {
	if cap(b.places) < int(n) {
		b.places = make([]uint64, n)
	}
	b.places = b.places[:n]
	for ordinal, d := range documents {
		b.place(uint64(ordinal)<<documentShift, b.tokens[d.begin:d.end], some[0], some[len(some)-1])
	}
	var buffer []byte
	begin := uint32(0)
	for _, t := range some {
		places := b.places[begin:b.counts[t]]
		begin, b.counts[t] = b.counts[t], 0
		w.begin(b.vocabulary.word(b.sorted[t]))
		for len(places) > 0 {
			ordinal := places[0] >> documentShift
			n := 1
			for n < len(places) && places[n]>>documentShift == ordinal {
				n++
			}
			buffer = appendPlaces(buffer[:0], places[:n])
			places = places[n:]
			if err := w.add(uint32(ordinal), buffer); err != nil {
				return err
			}
		}
		if err := w.end(); err != nil {
			return err
		}
	}
	return nil
}

// place puts the tokens of a document from first to last at their places.
func (b *Builder) place(at uint64, tokens []uint32, first, last uint32) {
	document := at
	for _, t := range tokens {
		if t >= markColumn && t != markEnd {
			at = document | uint64(t-markColumn)<<columnShift
			continue
		}
		if t >= first && t <= last {
			b.places[b.counts[t]] = at
			b.counts[t]++
		}
		at++
	}
}

// appendPlaces encodes the places of a word in a document.
func appendPlaces(to []byte, places []uint64) []byte {
	column, last := uint64(0), int64(-1)
	for _, p := range places {
		if c := p >> columnShift & 7; c != column {
			column, last = c, -1
			to = append(to, 0, byte(c))
		}
		at := int64(uint32(p))
		to = binary.AppendUvarint(to, uint64(at-last))
		last = at
	}
	return to
}
