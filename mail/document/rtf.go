package document

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"

	"github.com/mailstrata/mailstrata/mail/charset"
)

// maxGroups is the largest number of groups around a text. It bounds the memory.
const maxGroups = 10_000

// rtf writes the text of Rich Text Format (version 1.9.1 of its specification).
func (w *writer) rtf(document []byte) error {
	if !bytes.HasPrefix(document, []byte(`{\rtf`)) {
		return errors.New("the document does not begin as RTF")
	}
	p := &rtfParser{writer: w, rest: document, codepage: "windows-1252", fonts: make(map[int]string)}
	p.state.fallback = 1
	for len(p.rest) > 0 {
		if err := w.step(); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	return p.flush()
}

type rtfParser struct {
	*writer
	rest []byte

	state    rtfState
	groups   []rtfState // around the current one
	pending  []byte     // characters in the character set of the font, not decoded yet
	high     rune       // the first half of a surrogate pair, or 0
	omit     int        // characters that stand for the last \u where Unicode is not known
	codepage string
	fonts    map[int]string // character sets
	plain    int            // the font that \plain sets
}

// rtfState is what a group restores at its end.
type rtfState struct {
	destination rtfDestination
	font        int
	fallback    int  // \uc: how many characters stand for a \u
	begun       bool // something came before in this group
	block       bool // the group is a text of its own, such as a footnote
}

type rtfDestination uint8

const (
	rtfText rtfDestination = iota
	rtfSkipped
	rtfFonts
)

// next reads one control word, control symbol, brace or run of text.
func (p *rtfParser) next() error {
	switch c := p.rest[0]; c {
	case '{':
		p.rest, p.omit = p.rest[1:], 0
		if len(p.groups) == maxGroups {
			return fmt.Errorf("%w: groups are nested too deep", ErrTooLarge)
		}
		p.groups = append(p.groups, p.state)
		p.state.begun, p.state.block = false, false
		return p.flush()
	case '}':
		p.rest, p.omit = p.rest[1:], 0
		err := p.flush()
		if p.state.block && err == nil {
			err = p.output("\n")
		}
		if n := len(p.groups); n > 0 {
			p.state, p.groups = p.groups[n-1], p.groups[:n-1]
		}
		return err
	case '\\':
		return p.control()
	case '\r', '\n':
		p.rest = p.rest[1:]
		return nil
	default:
		n := bytes.IndexAny(p.rest, "{}\\\r\n")
		if n < 0 {
			n = len(p.rest)
		}
		text := p.rest[:n]
		p.rest = p.rest[n:]
		return p.characters(text)
	}
}

// characters takes text in the character set of the font.
func (p *rtfParser) characters(text []byte) error {
	p.state.begun = true
	omit := min(p.omit, len(text))
	p.omit -= omit
	if p.state.destination == rtfText {
		p.pending = append(p.pending, text[omit:]...)
	}
	if len(p.pending) > maxToken {
		return p.flush()
	}
	return nil
}

// flush decodes the characters that are pending.
func (p *rtfParser) flush() error {
	if len(p.pending) == 0 {
		return nil
	}
	name := p.fonts[p.state.font]
	if name == "" {
		name = p.codepage
	}
	text := charset.Decode(name, p.pending)
	p.pending = p.pending[:0]
	p.high = 0
	return p.text([]byte(text))
}

// control reads a control word or control symbol.
func (p *rtfParser) control() error {
	p.rest = p.rest[1:]
	n := 0
	for n < len(p.rest) && isLetter(p.rest[n]) && n < 32 {
		n++
	}
	if n == 0 {
		return p.symbol()
	}
	word := string(p.rest[:n])
	p.rest = p.rest[n:]
	number, given := p.number()
	if len(p.rest) > 0 && p.rest[0] == ' ' {
		p.rest = p.rest[1:]
	}
	return p.word(word, number, given)
}

// number reads the parameter of a control word.
func (p *rtfParser) number() (number int, given bool) {
	n := 0
	if len(p.rest) > 0 && p.rest[0] == '-' {
		n++
	}
	for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' && n < 12 {
		n++
	}
	number, err := strconv.Atoi(string(p.rest[:n]))
	if err != nil {
		return 0, false
	}
	p.rest = p.rest[n:]
	return number, true
}

// symbol reads a control symbol.
func (p *rtfParser) symbol() error {
	if len(p.rest) == 0 {
		return nil
	}
	c := p.rest[0]
	p.rest = p.rest[1:]
	switch c {
	case '\'':
		if len(p.rest) < 2 {
			return nil
		}
		value, err := strconv.ParseUint(string(p.rest[:2]), 16, 8)
		p.rest = p.rest[2:]
		if err != nil {
			return nil
		}
		return p.characters([]byte{byte(value)})
	case '*': // a destination that programs may not know
		if !p.state.begun {
			p.state.destination = rtfSkipped
		}
	case '\\', '{', '}':
		return p.characters([]byte{c})
	case '~':
		return p.output(" ")
	case '_':
		return p.output("-")
	case '\r', '\n':
		return p.output("\n")
	}
	return nil
}

// word obeys a control word.
func (p *rtfParser) word(word string, number int, given bool) error {
	begun := p.state.begun
	p.state.begun = true
	if text, ok := rtfWords[word]; ok {
		return p.output(text)
	}
	switch {
	case begun:
	case rtfDestinations[word]:
		p.state.destination = rtfSkipped
		return nil
	case rtfBlocks[word]:
		p.state.block = true
		return p.output("\n")
	}
	switch word {
	case "fonttbl":
		p.state.destination = rtfFonts
	case "f", "plain", "fcharset", "deff":
		return p.font(word, number)
	case "ansicpg":
		p.codepage = "cp" + strconv.Itoa(number)
	case "mac":
		p.codepage = "macintosh"
	case "uc":
		p.state.fallback = min(max(0, number), 100)
	case "u":
		return p.unicode(number)
	case "bin":
		if given && number > 0 {
			p.rest = p.rest[min(number, len(p.rest)):]
		}
	}
	return nil
}

// font obeys control words about fonts, which have the character set of the text.
func (p *rtfParser) font(word string, number int) error {
	err := p.flush()
	switch word {
	case "f":
		p.state.font = number
	case "plain":
		p.state.font = p.plain
	case "deff":
		p.state.font, p.plain = number, number
	case "fcharset":
		if p.state.destination == rtfFonts && len(p.fonts) < 10_000 {
			p.fonts[p.state.font] = rtfCharsets[number]
		}
	}
	return err
}

// unicode takes a UTF-16 unit, which is written as a signed number.
func (p *rtfParser) unicode(number int) error {
	unit := rune(uint16(number))
	high := p.high
	if err := p.flush(); err != nil {
		return err
	}
	p.omit = p.state.fallback
	p.high = 0
	switch {
	case p.state.destination != rtfText:
		return nil
	case high != 0 && utf16.IsSurrogate(unit):
		return p.text([]byte(string(utf16.DecodeRune(high, unit))))
	case unit >= 0xd800 && unit < 0xdc00:
		p.high = unit
		return nil
	}
	return p.text([]byte(string(unit)))
}

// output writes a text that a control stands for.
func (p *rtfParser) output(text string) error {
	p.state.begun = true
	if p.omit > 0 {
		p.omit--
		return nil
	}
	if err := p.flush(); err != nil || p.state.destination != rtfText {
		return err
	}
	return p.text([]byte(text))
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// rtfWords are control words that stand for text.
var rtfWords = map[string]string{
	"par": "\n", "line": "\n", "row": "\n", "nestrow": "\n", "page": "\n", "sect": "\n", "column": "\n",
	"tab": " ", "cell": " ", "nestcell": " ", "emspace": " ", "enspace": " ",
	"emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•",
}

// rtfDestinations are groups that have no text of the document.
var rtfDestinations = names("colortbl", "stylesheet", "info", "pict", "objdata", "themedata", "colorschememapping", "latentstyles", "datastore",
	"generator", "listtable", "listoverridetable", "rsidtbl", "xmlnstbl", "fldinst", "bkmkstart", "bkmkend", "filetbl", "revtbl",
	"objclass", "objname", "nonshppict", "listtext", "pntext", "template", "operator", "author", "passwordhash", "mmath")

// rtfBlocks are groups that are texts of their own.
var rtfBlocks = names("footnote",
	"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "shptxt")

// rtfCharsets are the character sets of fonts, by \fcharset. Those of others are the document's.
var rtfCharsets = map[int]string{
	77: "macintosh", 128: "shift_jis", 129: "cp949", 130: "cp949", 134: "gb18030", 136: "big5", 161: "windows-1253",
	162: "windows-1254", 163: "windows-1258", 177: "windows-1255", 178: "windows-1256", 186: "windows-1257", 204: "windows-1251",
	222: "windows-874", 238: "windows-1250", 254: "cp437", 255: "cp437",
}

func names(list ...string) map[string]bool {
	found := make(map[string]bool, len(list))
	for _, name := range list {
		found[name] = true
	}
	return found
}
