package manifest

import (
	"bytes"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/mail"
)

// The keys of a Form in the extensions of a record. They are part of the durable format.
const (
	extensionsKey = 63

	formLines     = 1
	formFromLine  = 2
	formOwnStatus = 3
	formFields    = 4
	formEnds      = 5
)

// formRow is the encoding of a Form.
type formRow struct {
	Lines     uint8  `cbor:"1,keyasint,omitempty"`
	FromLine  string `cbor:"2,keyasint,omitempty"`
	OwnStatus bool   `cbor:"3,keyasint,omitempty"`
	Fields    []byte `cbor:"4,keyasint,omitempty"`
	Ends      []byte `cbor:"5,keyasint,omitempty"`
}

// formDecoding ignores the extensions that it does not know.
var formDecoding = must(cbor.DecOptions{ByteStringToString: cbor.ByteStringToStringAllowed}.DecMode())

// lfForm is the Form of most messages of a Maildir.
var lfForm = Extensions{0xa1, formLines, byte(mail.LinesLF)}

// SetForm records how the message was in a file. A From line that a record cannot hold is left out.
// Form inverts it.
func (r *Record) SetForm(f mail.Form) {
	if f.IsZero() {
		return
	}
	row := formRow{uint8(f.Lines), f.FromLine, f.OwnStatus, []byte(f.Fields), []byte(f.Ends)}
	if len(row.FromLine) > MaxServerID-16 {
		row.FromLine = ""
	}
	if len(row.Fields) > MaxServerID-16 {
		row.Fields = nil
	}
	if len(row.Ends) > MaxServerID-16 {
		row.Ends = nil
	}
	if row.Lines == 0 && row.FromLine == "" && !row.OwnStatus && len(row.Fields)+len(row.Ends) == 0 {
		return
	}
	b, err := encoding.Marshal(row)
	if err != nil {
		panic(err) // numbers, bytes and true
	}
	r.Extensions = b
	if bytes.Equal(b, lfForm) {
		r.Extensions = lfForm
	}
}

// parseForm inverts SetForm. Extensions that are something else are no Form.
func parseForm(e Extensions) mail.Form {
	if bytes.Equal(e, lfForm) {
		return mail.Form{Lines: mail.LinesLF}
	}
	var row formRow
	if len(e) == 0 || formDecoding.Unmarshal(e, &row) != nil || row.Lines > uint8(mail.LinesKept) {
		return mail.Form{}
	}
	return mail.Form{
		Lines: mail.FileLines(row.Lines), Ends: string(row.Ends),
		FromLine: row.FromLine, OwnStatus: row.OwnStatus, Fields: string(row.Fields),
	}
}
