package mbox

import (
	"bytes"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// The flags of a message are fields at the end of its header, as Dovecot, mutt and pine know them:
//
//	Status: RO           R: \Seen; O: the message is not new
//	X-Status: AFTD       \Answered, \Flagged, \Draft, \Deleted
//	X-Keywords: a b      keywords
//
// There are none if a message has no flags and its own header has no such fields.

// statusLetter is a letter of X-Status.
type statusLetter struct {
	letter byte
	flag   string
}

// statusLetters are the letters of X-Status, in the order in which they are written.
var statusLetters = []statusLetter{{'A', `\Answered`}, {'F', `\Flagged`}, {'T', `\Draft`}, {'D', `\Deleted`}}

// statusFields returns the fields for flags. own reports whether the header has such fields itself:
// then a Status follows in any case, because the last one counts. lost are the flags that have no
// place in the fields.
func statusFields(flags mail.Flags, own bool, newline string) (fields string, lost []string) {
	if len(flags) == 0 && !own {
		return "", nil
	}
	status, letters := "O", ""
	var keywords []string
	for _, l := range statusLetters {
		if flags.Has(l.flag) {
			letters += string(l.letter)
		}
	}
	for _, flag := range flags {
		switch {
		case flag == `\Seen`:
			status = "RO"
		case !strings.HasPrefix(flag, `\`) && isKeyword(flag):
			keywords = append(keywords, flag)
		case !isSystem(flag):
			lost = append(lost, flag)
		}
	}
	fields = "Status: " + status + newline
	if letters != "" {
		fields += "X-Status: " + letters + newline
	}
	if len(keywords) > 0 {
		fields += "X-Keywords: " + strings.Join(keywords, " ") + newline
	}
	return fields, lost
}

func isSystem(flag string) bool {
	return slices.ContainsFunc(statusLetters, func(l statusLetter) bool { return l.flag == flag })
}

// isKeyword reports whether X-Keywords can have a keyword.
func isKeyword(keyword string) bool {
	return keyword != "" && !strings.ContainsFunc(keyword, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// statusNames are the names of the fields, in lower case.
var statusNames = []string{"status:", "x-status:", "x-keywords:"}

// isStatusField reports whether a line begins with the name of such a field.
func isStatusField(line []byte) bool { return beginsWith(line, statusNames) }

// beginsWith reports whether a line begins with one of these names, in either case.
func beginsWith(line []byte, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name))
	})
}
