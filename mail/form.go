package mail

// Form is how a message was in a file, as far as its bytes do not say so. The zero Form is that of
// a message from a server.
type Form struct {
	Lines     FileLines
	Ends      string // which lines ended in LF, if others did not (lineend.Cursor); all have CRLF in the archive. Lines is 0
	FromLine  string // of an mbox, without LF; empty: none, or the usual one
	Fields    string // of an mbox: fields of mail programs that are left out of the message, with their places (mbox.Head)
	OwnStatus bool   // of an mbox: the message has the fields of its flags (Status, X-Status) in its header
}

// FileLines says how the lines of a message ended in its file. The archive has CRLF, as IMAP does.
type FileLines uint8

const (
	LinesUnknown FileLines = iota // not from a file
	LinesLF                       // each line ended in LF, and has CRLF in the archive
	LinesKept                     // as in the archive
)

// IsZero reports whether the message is not from a file.
func (f Form) IsZero() bool { return f == Form{} }
