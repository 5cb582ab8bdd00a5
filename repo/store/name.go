package store

import (
	"encoding/hex"
	"strings"
)

// maxName leaves room for a prefix that a Store puts before a name: S3 allows 1,024 bytes.
const maxName = 512

// ValidName reports whether name is a name as Store describes it. A Store refuses to put any other
// name, and does not list objects with other names, which other programs have made.
func ValidName(name string) bool {
	if len(name) > maxName {
		return false
	}
	for segment := range strings.SplitSeq(name, "/") {
		if !validSegment(segment) {
			return false
		}
	}
	return true
}

func validSegment(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > 255 { // 255: the limit of most file systems
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// Hash returns the hash at the end of an object's name: its last 64 digits.
func Hash(name string) (hash [32]byte, ok bool) {
	if len(name) < 64 {
		return hash, false
	}
	return ParseHash(name[len(name)-64:])
}

// ParseHash parses 64 lower-case hexadecimal digits.
func ParseHash(s string) (hash [32]byte, ok bool) {
	if len(s) != 64 || s != strings.ToLower(s) {
		return hash, false
	}
	n, err := hex.Decode(hash[:], []byte(s))
	return hash, err == nil && n == len(hash)
}
