package manifest

import (
	"cmp"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/chunk"
)

type itemSourceRow struct {
	Kind        uint8           `cbor:"1,keyasint"`
	URL         string          `cbor:"2,keyasint"`
	Observed    uint64          `cbor:"3,keyasint"`
	Complete    bool            `cbor:"4,keyasint,omitempty"`
	Inherited   bool            `cbor:"5,keyasint,omitempty"`
	Server      []Field         `cbor:"6,keyasint,omitempty"`
	Collections []collectionRow `cbor:"7,keyasint,omitempty"`
	Extensions  cbor.RawMessage `cbor:"63,keyasint,omitempty"`
}

type collectionRow struct {
	Path       string          `cbor:"1,keyasint"`
	Name       string          `cbor:"2,keyasint,omitempty"`
	Properties []Field         `cbor:"3,keyasint,omitempty"`
	SyncToken  string          `cbor:"4,keyasint,omitempty"`
	CTag       string          `cbor:"5,keyasint,omitempty"`
	Complete   bool            `cbor:"6,keyasint,omitempty"`
	Inherited  bool            `cbor:"7,keyasint,omitempty"`
	Items      uint64          `cbor:"8,keyasint,omitempty"`
	Bytes      uint64          `cbor:"9,keyasint,omitempty"`
	Pages      []chunk.ID      `cbor:"10,keyasint,omitempty"`
	Extensions cbor.RawMessage `cbor:"63,keyasint,omitempty"`
}

type itemRow struct {
	Name       string          `cbor:"1,keyasint"`
	Size       uint64          `cbor:"2,keyasint,omitempty"`
	ETag       string          `cbor:"3,keyasint,omitempty"`
	Chunks     []byte          `cbor:"4,keyasint,omitempty"`
	List       []byte          `cbor:"5,keyasint,omitempty"`
	Active     bool            `cbor:"6,keyasint,omitempty"`
	Extensions cbor.RawMessage `cbor:"63,keyasint,omitempty"`
}

// EncodeItemSource returns the chunk of a source. ParseItemSource inverts it.
func EncodeItemSource(s *ItemSource) ([]byte, error) {
	observed, err := millis(s.Observed)
	if err := cmp.Or(err, s.check()); err != nil {
		return nil, err
	}
	row := itemSourceRow{
		Kind: uint8(s.Kind), URL: s.URL, Observed: observed, Complete: s.Complete, Inherited: s.Inherited,
		Server: s.Server, Extensions: cbor.RawMessage(s.Extensions),
	}
	for i := range s.Collections {
		c := &s.Collections[i]
		extensions, err := encodeListed(c.Listed, c.Extensions)
		if err != nil {
			return nil, err
		}
		row.Collections = append(row.Collections, collectionRow{
			Path: c.Path, Name: c.Name, Properties: c.Properties, SyncToken: c.SyncToken, CTag: c.CTag,
			Complete: c.Complete, Inherited: c.Inherited, Items: uint64(c.Items), Bytes: uint64(c.Bytes), Pages: c.Pages,
			Extensions: extensions,
		})
	}
	return marshal("item source", row, MaxChunk)
}

// ParseItemSource inverts EncodeItemSource.
func ParseItemSource(b []byte) (*ItemSource, error) {
	var row itemSourceRow
	if err := unmarshal("item source", decoding, b, &row, MaxChunk); err != nil {
		return nil, err
	}
	s := &ItemSource{
		Kind: SourceKind(row.Kind), URL: row.URL, Observed: fromMillis(row.Observed), Complete: row.Complete,
		Inherited: row.Inherited, Server: row.Server, Extensions: Extensions(row.Extensions),
	}
	for _, c := range row.Collections {
		one := Collection{
			Path: c.Path, Name: c.Name, Properties: c.Properties, SyncToken: c.SyncToken, CTag: c.CTag,
			Complete: c.Complete, Inherited: c.Inherited, Items: int64(c.Items), Bytes: int64(c.Bytes), Pages: c.Pages,
		}
		one.Listed, one.Extensions = parseListed(c.Extensions)
		s.Collections = append(s.Collections, one)
	}
	return canonical("item source", b, s, EncodeItemSource)
}

// check refuses a source that is beyond the limits or contradicts itself.
func (s *ItemSource) check() error {
	err := cmp.Or(
		checkTexts("source", s.URL), checkFields("server", s.Server), checkCount("collections", len(s.Collections), maxNames),
		s.Extensions.check(),
	)
	switch {
	case err != nil:
		return err
	case s.Kind < Sieve || s.Kind > AddressBooks:
		return refuse("a source of %s (a newer mailstrata may have written it)", s.Kind)
	case s.Complete && s.Inherited:
		return refuse("%s %s is both complete and inherited", s.Kind, s.URL)
	}
	for i := range s.Collections {
		c := &s.Collections[i]
		if i > 0 && c.Path <= s.Collections[i-1].Path {
			return refuse("collection %q after %q", c.Path, s.Collections[i-1].Path)
		}
		if s.Complete && !c.Complete {
			return refuse("%s %s is complete, its collection %q is not", s.Kind, s.URL, c.Path)
		}
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Collection) check() error {
	err := cmp.Or(
		checkTexts("collection", c.Path, c.Name, c.SyncToken, c.CTag), checkFields("properties", c.Properties),
		checkCount("item pages", len(c.Pages), maxItemPages), checkIDs("item pages", c.Pages), c.Extensions.check(),
	)
	switch {
	case err != nil:
		return err
	case c.Items < 0 || c.Bytes < 0 || c.Items > int64(len(c.Pages))*maxPageItems || c.Items < int64(len(c.Pages)):
		return refuse("collection %q of %d items with %d bytes in %d pages", c.Path, c.Items, c.Bytes, len(c.Pages))
	case c.Complete && c.Inherited:
		return refuse("collection %q is both complete and inherited", c.Path)
	}
	for i := range c.Properties {
		if i > 0 && c.Properties[i].Name <= c.Properties[i-1].Name {
			return refuse("property %q after %q", c.Properties[i].Name, c.Properties[i-1].Name)
		}
	}
	return nil
}

func checkFields(what string, fields []Field) error {
	err := checkCount(what, len(fields), maxNames)
	for _, f := range fields {
		err = cmp.Or(err, checkTexts(what, f.Name, f.Value))
	}
	return err
}

// EncodeItems returns an item page: a chunk with items, ascending by name. ParseItems inverts it.
func EncodeItems(items []Item) ([]byte, error) {
	if len(items) == 0 || len(items) > maxPageItems {
		return nil, refuse("an item page of %d items", len(items))
	}
	rows := make([]itemRow, len(items))
	for i := range items {
		it := &items[i]
		if i > 0 && it.Name <= items[i-1].Name {
			return nil, refuse("item %q after %q", it.Name, items[i-1].Name)
		}
		if err := it.check(); err != nil {
			return nil, err
		}
		rows[i] = itemRow{
			Name: it.Name, Size: uint64(it.Size), ETag: it.ETag, Chunks: joinIDs(it.Chunks), List: hashBytes(it.List),
			Active: it.Active, Extensions: cbor.RawMessage(it.Extensions),
		}
	}
	return marshal("item page", rows, MaxChunk)
}

// ParseItems inverts EncodeItems.
func ParseItems(b []byte) ([]Item, error) {
	var rows []itemRow
	if err := unmarshal("item page", decoding, b, &rows, MaxChunk); err != nil {
		return nil, err
	}
	items := make([]Item, len(rows))
	for i, row := range rows {
		items[i] = Item{
			Name: row.Name, Size: int64(row.Size), ETag: row.ETag, Chunks: splitIDs(row.Chunks), List: fromHashBytes(row.List),
			Active: row.Active, Extensions: Extensions(row.Extensions),
		}
	}
	return canonical("item page", b, items, EncodeItems)
}

// check refuses an item that is beyond the limits or whose size and chunks contradict each other.
func (it *Item) check() error {
	if it.Name == "" || len(it.Name) > MaxItemName || len(it.ETag) > MaxItemName {
		return refuse("item %q: a name of %d bytes and an ETag of %d, the limit is %d",
			it.Name, len(it.Name), len(it.ETag), MaxItemName)
	}
	chunks := len(it.Chunks)
	if !it.List.IsZero() {
		chunks += MaxInlineChunks + 1
	}
	switch {
	case it.Size < 0, (it.Size == 0) != (chunks == 0), len(it.Chunks) > MaxInlineChunks,
		!it.List.IsZero() && len(it.Chunks) > 0:
		return refuse("item %q of %d bytes in %d chunks", it.Name, it.Size, len(it.Chunks))
	}
	return cmp.Or(checkIDs("item", it.Chunks), it.Extensions.check())
}

// encodeItemChunks returns the chunk that lists the chunks of one item. It refuses those that fit
// into the item.
func encodeItemChunks(ids []chunk.ID) ([]byte, error) {
	if len(ids) <= MaxInlineChunks || len(ids) > maxItemChunks {
		return nil, refuse("an item of %d chunks", len(ids))
	}
	return joinIDs(ids), checkIDs("item", ids)
}

// parseItemChunks inverts encodeItemChunks.
func parseItemChunks(b []byte) ([]chunk.ID, error) {
	return canonical("list of chunks", b, splitIDs(b), encodeItemChunks)
}

// ChunkList returns the chunks of the item, which it records or a list.
func (it *Item) ChunkList(load Load) ([]chunk.ID, error) {
	if it.List.IsZero() {
		return it.Chunks, nil
	}
	b, err := load(it.List)
	if err != nil {
		return nil, err
	}
	return parseItemChunks(b)
}

// SetChunks records the chunks of the item, in a list if they are many.
func (it *Item) SetChunks(ids []chunk.ID, put Put) (err error) {
	it.Chunks, it.List = ids, chunk.ID{}
	if len(ids) > MaxInlineChunks {
		it.Chunks = nil
		it.List, err = put.encoded(encodeItemChunks(ids))
	}
	return err
}

func joinIDs(ids []chunk.ID) []byte {
	var b []byte
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}

// splitIDs inverts joinIDs. Of a length that is no multiple of 32 it makes a list that joinIDs
// encodes differently.
func splitIDs(b []byte) (ids []chunk.ID) {
	for ; len(b) >= idSize; b = b[idSize:] {
		ids = append(ids, chunk.ID(b[:idSize]))
	}
	return ids
}
