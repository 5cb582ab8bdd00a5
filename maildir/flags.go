package maildir

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// systemLetters are the letters of system flags in file names, in ASCII order.
var systemLetters = []struct {
	flag   string
	letter byte
}{
	{`\Draft`, 'D'}, {`\Flagged`, 'F'}, {`\Answered`, 'R'}, {`\Seen`, 'S'}, {`\Deleted`, 'T'},
}

// forwarded is the keyword that programs without a server write as the letter P (passed). Dovecot
// keeps that letter and does not read it. So a file has both.
const forwarded = "$Forwarded"

// flagLetters returns the letters of flags for a file name. lost says which flags have none, and
// why.
func (k *keywords) flagLetters(flags mail.Flags) (text string, lost []string) {
	var b []byte
	for _, flag := range flags {
		letter, ok := systemLetter(flag)
		if !ok {
			letter, ok = k.letter(flag)
		}
		if strings.EqualFold(flag, forwarded) {
			if b = append(b, 'P'); !ok {
				continue // P says it
			}
		}
		switch {
		case ok:
			b = append(b, letter)
		case strings.HasPrefix(flag, `\`):
			lost = append(lost, fmt.Sprintf("flag %s left out: a Maildir has no such flag", flag))
		case !isKeyword(flag):
			lost = append(lost, fmt.Sprintf("keyword %q left out: a Maildir cannot hold this name", flag))
		default:
			lost = append(lost,
				fmt.Sprintf("keyword %s left out: a Maildir folder holds %d keywords", flag, maxKeywords))
		}
	}
	slices.Sort(b)
	return string(slices.Compact(b)), lost
}

// lostFlag reports whether a system flag has no letter.
func lostFlag(flags mail.Flags) bool {
	return slices.ContainsFunc(flags, func(flag string) bool {
		_, ok := systemLetter(flag)
		return !ok && strings.HasPrefix(flag, `\`)
	})
}

// ParseFlags returns the flags that letters of a file name stand for. It inverts flagLetters.
// keywordsFile is the text of the folder's dovecot-keywords. A lower-case letter that the file does
// not explain is a keyword of that name. P (passed) is $Forwarded.
func ParseFlags(letters string, keywordsFile []byte) mail.Flags {
	k := parseKeywords(keywordsFile)
	var flags []string
	for _, c := range []byte(letters) {
		switch {
		case 'a' <= c && c <= 'z' && k.names[c-'a'] != "":
			flags = append(flags, k.names[c-'a'])
		case 'a' <= c && c <= 'z':
			flags = append(flags, string(c))
		}
		for _, l := range systemLetters {
			if l.letter == c {
				flags = append(flags, l.flag)
			}
		}
	}
	isForwarded := func(flag string) bool { return strings.EqualFold(flag, forwarded) }
	if strings.Contains(letters, "P") && !slices.ContainsFunc(flags, isForwarded) {
		flags = append(flags, forwarded)
	}
	return mail.NewFlags(flags...)
}

func systemLetter(flag string) (byte, bool) {
	for _, l := range systemLetters {
		if strings.EqualFold(l.flag, flag) {
			return l.letter, true
		}
	}
	return 0, false
}
