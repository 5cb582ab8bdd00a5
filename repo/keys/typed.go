package keys

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
)

// A key that somebody typed from a recovery sheet may be in several lines, have blanks, small
// letters, or a letter in place of the digit that looks like it. parseTyped reads it all the same:
// the key has a checksum. If a character is wrong, missing or too many, the error says where, but
// not what it should be, because errors go into logs.

const (
	typedPrefix = "AGE-SECRET-KEY-"
	dataChars   = 58                                 // of a secret of 32 bytes, with the checksum
	charset     = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" // of Bech32 (BIP 173), where no key has 1, B, I and O
	sheetLine   = 40                                 // characters in a line of the recovery sheet (package sheet)
)

var errNoKey = errors.New("the key file has no key of age: it needs a line that begins with " + typedPrefix)

// lookalikes are what people type in place of the characters of a key.
var lookalikes = strings.NewReplacer("1", "L", "I", "L", "O", "0", "B", "8")

// parseTyped returns the identity of a text that is one key, apart from comments.
func parseTyped(text string) ([]age.Identity, error) {
	prefix, data, ok := splitTyped(text)
	if !ok {
		return nil, errNoKey
	}
	if ids, err := age.ParseIdentities(strings.NewReader(prefix + data)); err == nil {
		return ids, nil
	}
	return nil, errors.New("the key is mistyped: " + mistake(prefix, data))
}

// splitTyped returns a key in the form of age, as its prefix and its data.
func splitTyped(text string) (prefix, data string, ok bool) {
	var joined strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if !strings.HasPrefix(line, "#") {
			joined.WriteString(strings.Join(strings.Fields(line), ""))
		}
	}
	key := strings.ToUpper(joined.String())
	for _, prefix := range []string{typedPrefix + "PQ-1", typedPrefix + "1"} {
		if data, ok := strings.CutPrefix(key, prefix); ok && len(data) <= 2*dataChars {
			return prefix, lookalikes.Replace(data), true
		}
	}
	return "", "", false
}

// mistake says what is wrong with a key that has a prefix, as far as a single change makes it
// right.
func mistake(prefix, data string) string {
	if at := strings.IndexFunc(data, func(r rune) bool { return !strings.ContainsRune(charset, r) }); at >= 0 {
		return place(prefix, at) + " cannot be in a key"
	}
	for at := range data {
		if fits(prefix, data[:at], "?", data[at+1:]) {
			return place(prefix, at) + " is wrong"
		}
		if fits(prefix, data[:at], "", data[at+1:]) {
			return place(prefix, at) + " is too many"
		}
		if at+1 < len(data) && fits(prefix, data[:at], data[at+1:at+2]+data[at:at+1], data[at+2:]) {
			return place(prefix, at) + " and the next one are the wrong way round"
		}
	}
	for at := range len(data) + 1 {
		switch missing := fits(prefix, data[:at], "?", data[at:]); {
		case missing && at == len(data):
			return "its last character is missing"
		case missing:
			return "a character is missing before " + place(prefix, at)
		}
	}
	if n := len(data) - dataChars; n != 0 {
		return fmt.Sprintf("it has %d characters, and should have %d", len(prefix)+len(data), len(prefix)+dataChars)
	}
	return "more than one character is wrong"
}

// place names a character of the data as the eye finds it on the sheet.
func place(prefix string, at int) string {
	at += len(prefix)
	return fmt.Sprintf("character %d of line %d on the recovery sheet", at%sheetLine+1, at/sheetLine+1)
}

// fits reports whether before, middle and after are the data of a key. A middle of "?" is any
// character.
func fits(prefix, before, middle, after string) bool {
	if len(before)+len(middle)+len(after) != dataChars {
		return false
	}
	if middle != "?" {
		return checksum(prefix, before+middle+after)
	}
	for i := range len(charset) {
		if checksum(prefix, before+charset[i:i+1]+after) {
			return true
		}
	}
	return false
}

// checksum reports whether data ends in its checksum (BIP 173).
func checksum(prefix, data string) bool {
	human := strings.ToLower(strings.TrimSuffix(prefix, "1"))
	sum := uint32(1)
	add := func(value uint32) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ value
		for i, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for i := range len(human) {
		add(uint32(human[i]) >> 5)
	}
	add(0)
	for i := range len(human) {
		add(uint32(human[i]) & 31)
	}
	for i := range len(data) {
		add(uint32(strings.IndexByte(charset, data[i])))
	}
	return sum == 1
}
