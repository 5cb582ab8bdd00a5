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
	status, mozilla, clipped := fieldFlags(head)
	h.Clipped = clipped
	if h.Own = status != nil || mozilla != nil; status == nil {
		status = mozilla
	}
	h.Flags = mail.NewFlags(status...)
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
	raw, _, clipped := fieldFlags(head[at:])
	if clipped {
		return Head{}, false
	}
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

// keywords appends the words of a field to flags. Words that look like system flags are none: other
// fields have those.
func keywords(flags []string, value string, clipped *bool) []string {
	flags = append(make([]string, 0, 1), flags...)
	for word := range strings.FieldsSeq(value) {
		switch {
		case strings.HasPrefix(word, `\`):
		case len(flags) >= MaxKeywords || len(word) > MaxKeyword:
			*clipped = true
		default:
			flags = append(flags, word)
		}
	}
	return flags
}

// fieldFlags returns the flags in the fields of a header: of Status, X-Status and X-Keywords, and
// of Thunderbird's fields. Each is nil if there is no such field. Who sent a message may have
// written them, so \Deleted is read only where Thunderbird writes it: before all fields of the
// message. clipped reports that keywords were left out.
func fieldFlags(head []byte) (status, mozilla []string, clipped bool) {
	seen, top := false, true
	for line := range bytes.Lines(head) {
		name, value, ok := strings.Cut(string(line), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		lower := strings.ToLower(name)
		if top = top && (strings.HasPrefix(lower, "x-mozilla-") || lower == "x-account-key" || lower == "x-uidl"); lower == "x-mozilla-status" {
			if !seen {
				mozilla = append(append(make([]string, 0, 1), mozilla...), mozillaFlags(value, top)...)
			}
			seen = true
		}
		switch lower {
		case "status", "x-status":
			status = append(make([]string, 0, 1), status...)
			if strings.Contains(value, "R") && len(name) == len("Status") {
				status = append(status, `\Seen`)
			}
			for _, l := range statusLetters {
				if len(name) > len("Status") && l.letter != 'D' && strings.IndexByte(value, l.letter) >= 0 {
					status = append(status, l.flag)
				}
			}
		case "x-keywords":
			status = keywords(status, value, &clipped)
		case "x-mozilla-keys":
			mozilla = keywords(mozilla, value, &clipped)
		}
	}
	return status, mozilla, clipped
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
