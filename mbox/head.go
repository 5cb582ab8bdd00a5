package mbox

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// Head is what the header of a message in an mbox says of its flags.
type Head struct {
	Flags   mail.Flags
	Clipped bool // the header has more keywords than MaxKeywords, or longer ones: Flags lacks those

	// Own says that the fields of the flags are a part of the message: a Writer must add none.
	// Otherwise the header has none, or those of Cuts, which are no part of the message. A Writer
	// writes them: by itself, or from Fields.
	Own    bool
	Cuts   []Span
	Fields string
}

// ParseHead reads the flags of a message. head is its header without the empty line; from is its
// From line.
//
// Fields that are as a Writer writes them belong to the mbox and not to the message, so that mail
// that was restored to an mbox and is archived from it has the same bytes. Any others stay in the
// message. So what is read can be written again byte for byte.
func ParseHead(head []byte, from string) Head {
	newline := "\n"
	if strings.HasSuffix(from, "\r") {
		newline = "\r\n"
	}
	if h, ok := ownFields(head, newline); ok {
		return h
	}
	h := parseFlags(head)
	if fields, cuts, ok := takeFields(head); ok {
		if list, ok := fieldRuns(fields); ok && flagsOf(list).Flags.Equal(h.Flags) {
			h.Own, h.Fields, h.Cuts = false, fields, cuts
		}
	}
	return h
}

// parseFlags reads the flags of a header.
func parseFlags(head []byte) (h Head) {
	f := parseFieldFlags(head)
	h.Own, h.Clipped, h.Flags = f.hasStatus || f.hasMozilla, f.clipped, mail.NewFlags(f.status...)
	if !f.hasStatus {
		h.Flags = mail.NewFlags(f.mozilla...)
	}
	return h
}

// deletedField is the field of a Writer that has \Deleted.
var deletedField = regexp.MustCompile(`\nX-Status: A?F?T?D\r?\n`)

// ownFields finds the fields at the end of a header that a Writer would write.
func ownFields(head []byte, newline string) (Head, bool) {
	at := bytes.LastIndex(head, []byte("Status: "))
	for ; at > 0 && head[at-1] != '\n'; at = bytes.LastIndex(head[:at], []byte("Status: ")) {
	}
	if at < 0 || at > 0 && head[at-1] != '\n' {
		return Head{}, false
	}
	f := parseFieldFlags(head[at:])
	if f.clipped {
		return Head{}, false
	}
	raw := f.status
	if deletedField.Match(head[at:]) {
		raw = append(raw, `\Deleted`)
	}
	flags, own := mail.NewFlags(raw...), false
	for line := range bytes.Lines(head[:at]) {
		own = own || isStatusField(line)
		if isProgramField(line) && !isStatusField(line) {
			return Head{}, false
		}
	}
	fields, lost := statusFields(flags, own, newline)
	if fields != string(head[at:]) || len(lost) > 0 {
		return Head{}, false
	}
	return Head{Flags: flags, Cuts: []Span{{at, len(head)}}}, true
}

// These constants bound the keywords that a header gives to its message, because who sent it may
// have written them.
const (
	MaxKeywords = 100
	MaxKeyword  = 255 // bytes of a keyword
)

// fieldFlags are the flags in the fields of a header.
type fieldFlags struct {
	status, mozilla       []string // of Status, X-Status and X-Keywords; of Thunderbird's fields
	hasStatus, hasMozilla bool     // there are such fields
	clipped               bool     // keywords were left out
}

// keywords appends the words of a field to flags. Words that look like system flags are none: other
// fields have those.
func (f *fieldFlags) keywords(flags []string, value string) []string {
	for word := range strings.FieldsSeq(value) {
		switch {
		case strings.HasPrefix(word, `\`):
		case len(flags) >= MaxKeywords || len(word) > MaxKeyword:
			f.clipped = true
		default:
			flags = append(flags, word)
		}
	}
	return flags
}

// parseFieldFlags reads the flags in the fields of a header. Who sent a message may have written
// them, so \Deleted is read only where Thunderbird writes it: before all fields of the message.
func parseFieldFlags(head []byte) (f fieldFlags) {
	top, seen := true, false
	for line := range bytes.Lines(head) {
		name, value, ok := strings.Cut(string(line), ":")
		if !ok {
			continue
		}
		name, value = strings.ToLower(name), strings.TrimSpace(value)
		top = top && (strings.HasPrefix(name, "x-mozilla-") || name == "x-account-key" || name == "x-uidl")
		switch name {
		case "status":
			f.hasStatus = true
			if strings.Contains(value, "R") {
				f.status = append(f.status, `\Seen`)
			}
		case "x-status":
			f.hasStatus = true
			for _, l := range statusLetters {
				if l.letter != 'D' && strings.IndexByte(value, l.letter) >= 0 {
					f.status = append(f.status, l.flag)
				}
			}
		case "x-keywords":
			f.hasStatus, f.status = true, f.keywords(f.status, value)
		case "x-mozilla-status":
			if !seen { // the first one counts
				f.mozilla = append(f.mozilla, mozillaFlags(value, top)...)
			}
			f.hasMozilla, seen = true, true
		case "x-mozilla-keys":
			f.hasMozilla, f.mozilla = true, f.keywords(f.mozilla, value)
		}
	}
	return f
}

// mozillaFlags returns the flags of X-Mozilla-Status: nsMsgMessageFlags in hexadecimal. top:
// \Deleted may be one.
func mozillaFlags(value string, top bool) (flags []string) {
	n, err := strconv.ParseUint(value, 16, 32)
	if err != nil {
		return nil
	}
	for bit, flag := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`} {
		if n>>bit&1 == 1 && (top || flag != `\Deleted`) {
			flags = append(flags, flag)
		}
	}
	return flags
}
