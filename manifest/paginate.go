package manifest

import (
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// pageElement is an element of a pageWriter: an unchanged old page, or one message.
type pageElement struct {
	page  *Page      // an old page that is not loaded; nil: the element is a message
	entry *Entry     // the message
	from  *pageState // the old page that has the record of the message; nil: the record is new
}

func (it pageElement) span() span {
	if it.page != nil {
		return it.page.span()
	}
	return span{uint32(it.entry.UID), 0}
}

func (it pageElement) count() int {
	if it.page != nil {
		return it.page.count()
	}
	return 1
}

// pageState is an old page that was loaded.
type pageState struct {
	page         Page
	flagsChanged bool
}

// pageWriter divides the messages of a mailbox into pages: the largest aligned ranges of UIDs that
// hold at most 16 messages. It makes them from messages and old pages, and does not put chunks that
// are the same as in an old page. It puts a page as soon as its range is known, so it holds little
// more than one page of a mailbox of any size.
type pageWriter struct {
	tree  *partition[pageElement]
	load  Load
	put   Put
	last  uint64 // the highest UID so far
	pages []Page
}

func newPageWriter(limit int, load Load, put Put) *pageWriter {
	w := &pageWriter{load: load, put: put}
	w.tree = newPartition(limit, w.write)
	return w
}

func (w *pageWriter) addEntry(e Entry, from *pageState) error {
	if uint64(e.UID) <= w.last {
		return refuse("UID %d after UID %d", e.UID, w.last)
	}
	w.last = uint64(e.UID)
	return w.tree.add(pageElement{entry: &e, from: from})
}

func (w *pageWriter) addPage(p Page) error {
	w.last = p.span().end() - 1
	return w.tree.add(pageElement{page: &p})
}

func (w *pageWriter) finish() ([]Page, error) {
	if err := w.tree.flush(); err != nil {
		return nil, err
	}
	return w.pages, nil
}

// write makes a page of the elements of a span.
func (w *pageWriter) write(s span, elements []pageElement) error {
	page := Page{Start: s.start, Bits: s.bits}
	page.Records, page.Flags, page.Messages = sameContent(elements)
	if page.Records.IsZero() || page.Flags.IsZero() {
		entries, err := w.collect(elements)
		if err != nil {
			return err
		}
		page.Messages = uint32(len(entries))
		if page.Records.IsZero() {
			if page.Records, err = w.putRecords(entries); err != nil {
				return err
			}
		}
		if page.Flags, err = w.putFlags(entries); err != nil {
			return err
		}
	}
	w.pages = append(w.pages, page)
	return nil
}

// sameContent returns the row of an old page if the elements are exactly its messages. flags is
// zero if flags changed; all results are zero if the elements are not one old page.
func sameContent(elements []pageElement) (records, flags chunk.ID, messages uint32) {
	if p := elements[0].page; p != nil && len(elements) == 1 {
		return p.Records, p.Flags, p.Messages
	}
	from := elements[0].from
	if from == nil || int(from.page.Messages) != len(elements) {
		return chunk.ID{}, chunk.ID{}, 0
	}
	if slices.ContainsFunc(elements, func(it pageElement) bool { return it.from != from }) {
		return chunk.ID{}, chunk.ID{}, 0
	}
	if from.flagsChanged {
		return from.page.Records, chunk.ID{}, from.page.Messages
	}
	return from.page.Records, from.page.Flags, from.page.Messages
}

// collect returns the messages of the elements. It loads the old pages among them.
func (w *pageWriter) collect(elements []pageElement) ([]Entry, error) {
	var entries []Entry
	for _, it := range elements {
		if it.page == nil {
			entries = append(entries, *it.entry)
			continue
		}
		loaded, err := it.page.Entries(w.load)
		if err != nil {
			return nil, err
		}
		entries = append(entries, loaded...)
	}
	return entries, nil
}

func (w *pageWriter) putRecords(entries []Entry) (chunk.ID, error) {
	records := make([]Record, len(entries))
	for i := range entries {
		records[i] = entries[i].Record
	}
	return w.put.encoded(EncodeRecords(records))
}

func (w *pageWriter) putFlags(entries []Entry) (chunk.ID, error) {
	sets := make([]FlagSet, len(entries))
	for i := range entries {
		sets[i] = entries[i].FlagSet
	}
	return w.put.encoded(EncodeFlags(sets))
}
