package mbox

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// Head is what the header of a message in an mbox says of its flags.
type Head struct {
	Flags mail.Flags

	// Own says that the fields of the flags are a part of the message: a Writer must add none. Otherwise the header has none, or
	// those from CutFrom to CutTo, which a Writer would write.
	Own            bool
	CutFrom, CutTo int
}

// ParseHead reads the flags of a message. head is its header without the empty line; from is its From line.
//
// Fields that are as a Writer writes them belong to the mbox and not to the message, so that mail that was restored to an mbox
// and is archived from it has the same bytes. Any others stay in the message. So what is read can be written again byte for
// byte.
func ParseHead(head []byte, from string) Head {
	newline := "\n"
	if strings.HasSuffix(from, "\r") {
		newline = "\r\n"
	}
	if h, ok := ownFields(head, newline); ok {
		return h
	}
	var h Head
	status, mozilla := fieldFlags(head)
	if h.Own = status != nil || mozilla != nil; status == nil {
		status = mozilla
	}
	h.Flags = mail.NewFlags(status...)
	return h
}

// ownFields finds the fields at the end of a header that a Writer would write.
func ownFields(head []byte, newline string) (Head, bool) {
	at := bytes.LastIndex(head, []byte("Status: "))
	for ; at > 0 && head[at-1] != '\n'; at = bytes.LastIndex(head[:at], []byte("Status: ")) {
	}
	if at < 0 || at > 0 && head[at-1] != '\n' {
		return Head{}, false
	}
	raw, _ := fieldFlags(head[at:])
	flags, own := mail.NewFlags(raw...), false
	for line := range bytes.Lines(head[:at]) {
		own = own || isStatusField(line)
	}
	fields, lost := statusFields(flags, own, newline)
	if fields != string(head[at:]) || len(lost) > 0 {
		return Head{}, false
	}
	return Head{Flags: flags, CutFrom: at, CutTo: len(head)}, true
}

// fieldFlags returns the flags in the fields of a header: of Status, X-Status and X-Keywords, and of Thunderbird's fields. Each
// is nil if there is no such field.
func fieldFlags(head []byte) (status, mozilla []string) {
	for line := range bytes.Lines(head) {
		name, value, ok := strings.Cut(string(line[:min(len(line), 4096)]), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "status", "x-status":
			status = append(make([]string, 0, 1), status...)
			if strings.Contains(value, "R") && len(name) == len("Status") {
				status = append(status, `\Seen`)
			}
			for _, l := range statusLetters {
				if len(name) > len("Status") && strings.IndexByte(value, l.letter) >= 0 {
					status = append(status, l.flag)
				}
			}
		case "x-keywords":
			status = append(append(make([]string, 0, 1), status...), strings.Fields(value)...)
		case "x-mozilla-status":
			mozilla = append(append(make([]string, 0, 1), mozilla...), mozillaFlags(value)...)
		case "x-mozilla-keys":
			mozilla = append(append(make([]string, 0, 1), mozilla...), strings.Fields(value)...)
		}
	}
	return status, mozilla
}

// mozillaFlags returns the flags of X-Mozilla-Status: nsMsgMessageFlags in hexadecimal.
func mozillaFlags(value string) (flags []string) {
	n, err := strconv.ParseUint(value, 16, 32)
	if err != nil {
		return nil
	}
	for bit, flag := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`} {
		if n>>bit&1 == 1 {
			flags = append(flags, flag)
		}
	}
	return flags
}
