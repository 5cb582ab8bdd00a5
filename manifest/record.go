package manifest

import (
	"cmp"
	"math"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// recordRow is the encoding of a Record that has nothing extra.
type recordRow struct {
	_       struct{} `cbor:",toarray"`
	Delta   uint32   // the UID minus that of the record before
	Size    uint64
	Hash    chunk.ID
	Seconds int64
	Zone    int16
	Parts   cbor.RawMessage // an array of parts, or the ID of a part list
}

// fullRow is the encoding of a Record that has something extra.
type fullRow struct {
	_ struct{} `cbor:",toarray"`
	recordRow
	Extra extraRow
}

type extraRow struct {
	Hint         uint64          `cbor:"1,keyasint,omitempty"`
	Raw          string          `cbor:"2,keyasint,omitempty"`
	SavedSeconds int64           `cbor:"3,keyasint,omitempty"`
	SavedZone    int16           `cbor:"4,keyasint,omitempty"`
	Email        string          `cbor:"5,keyasint,omitempty"`
	Thread       string          `cbor:"6,keyasint,omitempty"`
	XGUID        string          `cbor:"7,keyasint,omitempty"`
	GMMsg        string          `cbor:"8,keyasint,omitempty"`
	GMThread     string          `cbor:"9,keyasint,omitempty"`
	ByID         bool            `cbor:"10,keyasint,omitempty"`
	SavedRaw     string          `cbor:"11,keyasint,omitempty"`
	Probe        []byte          `cbor:"12,keyasint,omitempty"`
	Opening      []byte          `cbor:"13,keyasint,omitempty"`
	Extensions   cbor.RawMessage `cbor:"63,keyasint,omitempty"`
}

const (
	arrayOf6 = 0x86 // the first byte of a recordRow
	arrayOf7 = 0x87 // the first byte of a fullRow
)

// EncodeRecords returns a record page: the records of a page, ascending by UID. ParseRecords
// inverts it.
func EncodeRecords(records []Record) ([]byte, error) {
	if err := checkCount("records in a page", len(records), MaxPageRecords); err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, refuse("a page without records")
	}
	rows := make([]any, len(records))
	var last mail.UID
	for i := range records {
		r := &records[i]
		if r.UID <= last {
			return nil, refuse("UID %d after UID %d", r.UID, last)
		}
		row, err := r.row(last)
		if err != nil {
			return nil, err
		}
		rows[i], last = row, r.UID
	}
	return marshal("record page", rows, MaxChunk)
}

// ParseRecords inverts EncodeRecords.
func ParseRecords(b []byte) ([]Record, error) {
	if records, ok := scanRecords(b); ok {
		return records, nil
	}
	return decodeRecords(b)
}

// decodeRecords is ParseRecords by the general decoder. It is slower, takes every record, and says
// what is wrong with a page.
func decodeRecords(b []byte) ([]Record, error) {
	var rows []cbor.RawMessage
	if err := unmarshal("record page", decoding, b, &rows, MaxChunk); err != nil {
		return nil, err
	}
	if err := checkCount("records in a page", len(rows), MaxPageRecords); err != nil {
		return nil, malformed("record page", err)
	}
	records := make([]Record, len(rows))
	var last mail.UID
	for i, row := range rows {
		if err := records[i].decode(row, last); err != nil {
			return nil, malformed("record page", err)
		}
		last = records[i].UID
	}
	return canonical("record page", b, records, EncodeRecords)
}

// row returns the encoding of the record after one with the UID last.
func (r *Record) row(last mail.UID) (any, error) {
	if err := cmp.Or(r.check(), r.Extensions.check()); err != nil {
		return nil, err
	}
	parts, err := r.partsOrList()
	if err != nil {
		return nil, err
	}
	short := recordRow{
		Delta:   uint32(r.UID - last),
		Size:    uint64(r.Size),
		Hash:    r.Hash,
		Seconds: r.Internal.Seconds,
		Zone:    r.Internal.Zone,
		Parts:   parts,
	}
	extra, has := r.extra()
	if !has {
		return &short, nil
	}
	return &fullRow{recordRow: short, Extra: extra}, nil
}

// extra returns the fields that most records do not have. has is false if this record has none of
// them.
func (r *Record) extra() (extra extraRow, has bool) {
	extra = extraRow{
		Raw:          rawDate(r.Internal),
		SavedSeconds: r.Saved.Seconds,
		SavedZone:    r.Saved.Zone,
		SavedRaw:     rawDate(r.Saved),
		Email:        r.IDs.Email,
		Thread:       r.IDs.Thread,
		XGUID:        r.IDs.XGUID,
		GMMsg:        r.IDs.GMMsg,
		GMThread:     r.IDs.GMThread,
		ByID:         r.ByID,
	}
	if r.Hint > 0 && r.Hint != r.Size {
		extra.Hint = uint64(r.Hint)
	}
	if r.Probe != (chunk.Prefix{}) {
		extra.Probe = r.Probe[:]
	}
	if r.Opening != (chunk.Prefix{}) {
		extra.Opening = r.Opening[:]
	}
	has = extra.Hint != 0 || extra.Raw != "" || r.Saved != mail.Date{} || r.IDs != mail.IDs{} ||
		r.ByID || extra.Probe != nil || r.Extensions != nil
	extra.Extensions = cbor.RawMessage(r.Extensions)
	return extra, has
}

// rawDate returns the raw text of a date if Seconds and Zone do not give it back, else "".
func rawDate(d mail.Date) string {
	if d.Raw == "" || (mail.Date{Seconds: d.Seconds, Zone: d.Zone}).String() == d.Raw {
		return ""
	}
	return d.Raw
}

// decode inverts row. It checks little, because row refuses other values or encodes them
// differently, so ParseRecords finds them.
func (r *Record) decode(b []byte, last mail.UID) error {
	var row fullRow
	switch b[0] {
	case arrayOf6:
		if err := decoding.Unmarshal(b, &row.recordRow); err != nil {
			return err
		}
	case arrayOf7:
		if err := decoding.Unmarshal(b, &row); err != nil {
			return err
		}
	default:
		return refuse("a record that is not an array of 6 or 7")
	}
	if uint64(last)+uint64(row.Delta) > math.MaxUint32 {
		return refuse("a UID above 2^32 − 1")
	}
	e := &row.Extra
	*r = Record{
		UID:        last + mail.UID(row.Delta),
		Size:       int64(row.Size),
		Hash:       row.Hash,
		Internal:   mail.Date{Seconds: row.Seconds, Zone: row.Zone, Raw: e.Raw},
		Saved:      mail.Date{Seconds: e.SavedSeconds, Zone: e.SavedZone, Raw: e.SavedRaw},
		Hint:       int64(e.Hint),
		IDs:        mail.IDs{Email: e.Email, Thread: e.Thread, XGUID: e.XGUID, GMMsg: e.GMMsg, GMThread: e.GMThread},
		ByID:       e.ByID,
		Extensions: Extensions(e.Extensions),
	}
	if copy(r.Probe[:], e.Probe) != len(e.Probe) || copy(r.Opening[:], e.Opening) != len(e.Opening) {
		return refuse("a probe of %d bytes and an opening of %d", len(e.Probe), len(e.Opening))
	}
	return r.setPartsOrList(row.Parts)
}

// check refuses records that are contradictory or too large. A page of the largest records fits
// into a chunk.
func (r *Record) check() error {
	empty := len(r.Parts) == 0 && r.List.IsZero()
	switch {
	case r.UID == 0:
		return refuse("a record with UID 0")
	case r.Size < 0:
		return refuse("UID %d: size %d", r.UID, r.Size)
	case r.Hash.IsZero():
		return refuse("UID %d: no message hash", r.UID)
	case empty != (r.Size == 0):
		return refuse("UID %d: %d bytes in %d parts", r.UID, r.Size, len(r.Parts))
	case len(r.Parts) > 0 && !r.List.IsZero():
		return refuse("UID %d: parts both in the record and in a list", r.UID)
	case NeedsList(r.Parts):
		return refuse("UID %d: more than %d chunks in the record", r.UID, MaxInlineChunks)
	case r.Probe != chunk.Prefix{} && r.Size < MinProbed:
		return refuse("UID %d: a probe of %d bytes", r.UID, r.Size)
	case r.Opening != chunk.Prefix{} && r.Probe == chunk.Prefix{}:
		return refuse("UID %d: an opening without a probe", r.UID)
	case len(r.Extensions) > MaxServerID:
		return refuse("UID %d: extensions of %d bytes", r.UID, len(r.Extensions))
	}
	for _, text := range []string{
		r.Internal.Raw, r.Saved.Raw, r.IDs.Email, r.IDs.Thread, r.IDs.XGUID, r.IDs.GMMsg, r.IDs.GMThread,
	} {
		if len(text) > MaxServerID {
			return refuse("UID %d: an id or a date of %d bytes, the limit is %d", r.UID, len(text), MaxServerID)
		}
	}
	return nil
}
