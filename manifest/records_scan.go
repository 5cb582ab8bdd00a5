package manifest

import (
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// scanRecords reads a record page in the deterministic encoding. ok is false for any other
// encoding, for what EncodeRecords refuses, and for what few records have: dates that are only
// text, extensions that are no Form, numbers of more than 32 bits. A search of all manifests reads
// a record page of each mailbox for each night. The general decoder took a tenth of its time.
func scanRecords(b []byte) (records []Record, ok bool) {
	s := recordScanner{scanner: scanner{rest: b}}
	n := s.head(cborArray, MaxPageRecords)
	if len(b) > MaxChunk || s.bad || n == 0 || n > uint64(len(s.rest))/minRecordRow {
		return nil, false
	}
	s.ids = make([]chunk.ID, 0, len(s.rest)/idSize-int(n))
	records = make([]Record, n)
	var last mail.UID
	for i := range records {
		r := &records[i]
		if !s.record(r, last) || r.check() != nil {
			return nil, false
		}
		last = r.UID
	}
	return records, len(s.rest) == 0
}

const minRecordRow = 1 + 1 + 1 + (2 + 32) + 1 + 1 + 1 // bytes

// recordScanner is a scanner of records.
type recordScanner struct {
	scanner
	ids []chunk.ID // of all parts; it has room for as many as the page can have
}

// record reads the record after one with the UID last. It reports whether EncodeRecords would write
// the same bytes, if Record.check accepts the record.
func (s *recordScanner) record(r *Record, last mail.UID) bool {
	var fields uint64
	if fields = s.head(cborArray, 7); fields < 6 {
		return false
	}
	delta := s.head(cborUint, math.MaxUint32)
	if delta == 0 || uint64(last)+delta > math.MaxUint32 {
		return false
	}
	r.UID = last + mail.UID(delta)
	r.Size = int64(s.head(cborUint, math.MaxUint32))
	r.Hash = s.id()
	r.Internal.Seconds = s.integer(math.MaxUint32)
	r.Internal.Zone = int16(s.integer(math.MaxInt16))
	return s.partsOrList(r) && (fields == 6 || s.extra(r)) && !s.bad
}

// extra reads what most records do not have.
func (s *recordScanner) extra(r *Record) bool {
	n := s.head(cborMap, maxPairs)
	last := uint64(0)
	for range n {
		key := s.head(cborUint, maxPairs)
		if key <= last || !s.field(r, key) || s.bad {
			return false
		}
		last = key
	}
	return n > 0
}

// field reads a field of extraRow. It must not be zero, because then it would be omitted.
func (s *recordScanner) field(r *Record, key uint64) bool {
	text := func(to *string) bool {
		*to = string(s.bytes(MaxServerID))
		return *to != ""
	}
	switch key {
	case 1:
		r.Hint = int64(s.head(cborUint, math.MaxUint32))
		return r.Hint != 0 && r.Hint != r.Size
	case 3:
		r.Saved.Seconds = s.integer(math.MaxUint32)
		return r.Saved.Seconds != 0
	case 4:
		r.Saved.Zone = int16(s.integer(math.MaxInt16))
		return r.Saved.Zone != 0
	case 5:
		return text(&r.IDs.Email)
	case 6:
		return text(&r.IDs.Thread)
	case 7:
		return text(&r.IDs.XGUID)
	case 8:
		return text(&r.IDs.GMMsg)
	case 9:
		return text(&r.IDs.GMThread)
	case 10:
		b := s.take(1)
		r.ByID = !s.bad && b[0] == cborTrue
		return r.ByID
	case 12:
		return s.prefix(&r.Probe)
	case 13:
		return s.prefix(&r.Opening)
	case extensionsKey:
		return s.form(r)
	}
	return false
}

// form reads extensions that are a Form.
func (s *recordScanner) form(r *Record) bool {
	from := s.rest
	n, last := s.head(cborMap, maxPairs), uint64(0)
	for range n {
		key := s.head(cborUint, maxPairs)
		ok := key > last
		switch last = key; key {
		case formLines:
			s.head(cborUint, 1<<8)
		case formFromLine, formFields, formEnds:
			s.bytes(MaxServerID)
		case formOwnStatus:
			b := s.take(1)
			ok = ok && !s.bad && b[0] == cborTrue
		default:
			ok = false
		}
		if !ok || s.bad {
			return false
		}
	}
	if r.Extensions = Extensions(from[: len(from)-len(s.rest) : len(from)-len(s.rest)]); string(r.Extensions) == string(lfForm) {
		r.Extensions = lfForm // most records of a Maildir share it
	} else {
		r.Extensions = slices.Clone(r.Extensions)
	}
	return n > 0
}

// prefix reads a byte string with the length of a prefix.
func (s *recordScanner) prefix(to *chunk.Prefix) bool {
	return copy(to[:], s.bytes(len(to))) == len(to) && *to != chunk.Prefix{}
}

// partsOrList reads the parts of a record, or the ID of its part list.
func (s *recordScanner) partsOrList(r *Record) bool {
	if len(s.rest) > 0 && s.rest[0]>>5 == cborBytes {
		r.List = s.id()
		return !r.List.IsZero()
	}
	n := s.head(cborArray, maxParts)
	if s.bad || n > uint64(len(s.rest))/minPartRow {
		return false
	}
	if n > 0 {
		r.Parts = make([]Part, n)
	}
	for i := range r.Parts {
		if !s.part(&r.Parts[i]) || r.Parts[i].check(i) != nil || i > 0 && checkNeighbor(r.Parts, i-1) != nil {
			return false
		}
	}
	return true
}

const minPartRow = 1 + 1 + (2 + 32) // bytes

// part reads a part of a record.
func (s *recordScanner) part(p *Part) bool {
	fields := s.head(cborArray, 4)
	p.Kind = mail.PartKind(s.head(cborUint, math.MaxUint8))
	ids := s.bytes(MaxInlineChunks * idSize)
	if s.bad || len(ids)%idSize != 0 {
		return false
	}
	from := len(s.ids)
	for ; len(ids) > 0; ids = ids[idSize:] {
		s.ids = append(s.ids, chunk.ID(ids[:idSize]))
	}
	p.Chunks = s.ids[from:len(s.ids):len(s.ids)]
	if p.Kind != mail.Base64Part {
		return fields == 2
	}
	p.Recipe.LineLength = uint16(s.head(cborUint, math.MaxUint16))
	end := s.head(cborUint, lineEndCRLF|lineEndUnterminated)
	p.Recipe.CRLF = end&lineEndCRLF != 0
	p.Recipe.Unterminated = end&lineEndUnterminated != 0
	return fields == 4 && !s.bad
}
