package manifest

import (
	"cmp"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// plainPart is the encoding of a Header or Text part.
type plainPart struct {
	_    struct{} `cbor:",toarray"`
	Kind uint8
	IDs  []byte
}

// base64Part is the encoding of a Base64 part.
type base64Part struct {
	_ struct{} `cbor:",toarray"`
	plainPart
	LineLength uint16
	LineEnd    uint8
}

// The bits of base64Part.LineEnd. They are part of the durable format.
const (
	lineEndCRLF         = 1 << 0
	lineEndUnterminated = 1 << 1
)

const (
	arrayOf2    = 0x82       // the first byte of a plainPart
	arrayOf4    = 0x84       // the first byte of a base64Part
	idByteBegin = "\x58\x20" // the first bytes of a byte string of 32: the ID of a part list
	idSize      = len(chunk.ID{})
)

// NeedsList reports whether the parts have too many chunks for a record, so that they must be in a
// part list.
func NeedsList(parts []Part) bool {
	n := 0
	for _, p := range parts {
		n += len(p.Chunks)
	}
	return n > MaxInlineChunks
}

// EncodeParts returns a part list: a chunk with the parts of one message. It refuses parts that do
// not need a list. ParseParts inverts it.
func EncodeParts(parts []Part) ([]byte, error) {
	if !NeedsList(parts) {
		return nil, refuse("a part list for parts that fit into the record")
	}
	return encodePartRows(parts)
}

// ParseParts inverts EncodeParts.
func ParseParts(b []byte) ([]Part, error) {
	parts, err := decodePartRows(b)
	if err != nil {
		return nil, malformed("part list", err)
	}
	return canonical("part list", b, parts, EncodeParts)
}

// PartList returns the parts of the message, from the record or from its part list.
func (r *Record) PartList(load Load) ([]Part, error) {
	if r.List.IsZero() {
		return r.Parts, nil
	}
	b, err := load(r.List)
	if err != nil {
		return nil, fmt.Errorf("part list of UID %d: %w", r.UID, err)
	}
	parts, err := ParseParts(b)
	if err != nil {
		return nil, fmt.Errorf("UID %d: %w", r.UID, err)
	}
	return parts, nil
}

// partsOrList encodes the parts of a record, or the ID of its part list.
func (r *Record) partsOrList() (cbor.RawMessage, error) {
	if !r.List.IsZero() {
		return append([]byte(idByteBegin), r.List[:]...), nil
	}
	parts, err := encodePartRows(r.Parts)
	if err != nil {
		return nil, fmt.Errorf("UID %d: %w", r.UID, err)
	}
	return parts, nil
}

// setPartsOrList inverts partsOrList.
func (r *Record) setPartsOrList(b []byte) (err error) {
	if len(b) == len(idByteBegin)+idSize && string(b[:len(idByteBegin)]) == idByteBegin {
		r.List = chunk.ID(b[len(idByteBegin):])
		return nil
	}
	r.Parts, err = decodePartRows(b)
	return err
}

func encodePartRows(parts []Part) ([]byte, error) {
	if err := checkCount("parts in a message", len(parts), maxParts); err != nil {
		return nil, err
	}
	rows := make([]any, len(parts))
	for i := range parts {
		p := &parts[i]
		if err := cmp.Or(p.check(i), checkNeighbor(parts, i)); err != nil {
			return nil, err
		}
		rows[i] = p.row()
	}
	return marshal("parts", rows, MaxChunk)
}

func decodePartRows(b []byte) ([]Part, error) {
	var rows []cbor.RawMessage
	if err := unmarshal("parts", decoding, b, &rows, MaxChunk); err != nil {
		return nil, err
	}
	if err := checkCount("parts in a message", len(rows), maxParts); err != nil || len(rows) == 0 {
		return nil, err
	}
	parts := make([]Part, len(rows))
	for i, row := range rows {
		if err := parts[i].decode(row); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// check refuses a part that mail.Splitter never returns.
func (p *Part) check(i int) error {
	switch {
	case len(p.Chunks) == 0:
		return refuse("part %d has no chunks", i)
	case p.Kind < mail.HeaderPart || p.Kind > mail.Base64Part:
		return refuse("part %d is of kind %d", i, p.Kind)
	case p.Kind == mail.HeaderPart && i > 0:
		return refuse("part %d is a header", i)
	case p.Kind == mail.Base64Part && p.Recipe.Check() != nil:
		return refuse("part %d: %v", i, p.Recipe.Check())
	case p.Kind != mail.Base64Part && p.Recipe != mail.Recipe{}:
		return refuse("part %d has a recipe, but is not base64", i)
	}
	return checkIDs("part", p.Chunks)
}

// checkNeighbor refuses two adjacent parts that mail.Splitter never returns.
func checkNeighbor(parts []Part, i int) error {
	switch {
	case i == len(parts)-1:
		return nil
	case parts[i].Recipe.Unterminated:
		return refuse("part %d is not terminated and not the last", i)
	case parts[i].Kind == mail.TextPart && parts[i+1].Kind == mail.TextPart:
		return refuse("parts %d and %d are both text", i, i+1)
	}
	return nil
}

func (p *Part) row() any {
	ids := make([]byte, 0, len(p.Chunks)*idSize)
	for i := range p.Chunks {
		ids = append(ids, p.Chunks[i][:]...)
	}
	plain := plainPart{Kind: uint8(p.Kind), IDs: ids}
	if p.Kind != mail.Base64Part {
		return &plain
	}
	row := &base64Part{plainPart: plain, LineLength: p.Recipe.LineLength}
	if p.Recipe.CRLF {
		row.LineEnd |= lineEndCRLF
	}
	if p.Recipe.Unterminated {
		row.LineEnd |= lineEndUnterminated
	}
	return row
}

// decode inverts row. It checks little, because row encodes other values differently, so the parser
// finds them.
func (p *Part) decode(b []byte) error {
	var row base64Part
	switch b[0] {
	case arrayOf2:
		if err := decoding.Unmarshal(b, &row.plainPart); err != nil {
			return err
		}
	case arrayOf4:
		if err := decoding.Unmarshal(b, &row); err != nil {
			return err
		}
	default:
		return refuse("a part that is not an array of 2 or 4")
	}
	p.Kind = mail.PartKind(row.Kind)
	p.Recipe = mail.Recipe{
		LineLength:   row.LineLength,
		CRLF:         row.LineEnd&lineEndCRLF != 0,
		Unterminated: row.LineEnd&lineEndUnterminated != 0,
	}
	p.Chunks = make([]chunk.ID, 0, len(row.IDs)/idSize)
	for ids := row.IDs; len(ids) >= idSize; ids = ids[idSize:] {
		p.Chunks = append(p.Chunks, chunk.ID(ids[:idSize]))
	}
	return nil
}
