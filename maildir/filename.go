package maildir

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/restore"
)

// ourSuffix ends the unique part of the file names that mailstrata gives.
const ourSuffix = "mailstrata"

// fileName returns the name for the file of a message. The package comment explains it;
// parseFileName inverts it.
func fileName(m *restore.Message, copy uint32, size sizes, flags string) string {
	return fmt.Sprintf("%010d.%d.%s.%d.%s,S=%d,W=%d%c2,%s",
		m.UID, m.Internal.Seconds, m.Hash.Prefix(), copy, ourSuffix, size.file, size.wire, infoMark, flags)
}

// parseFileName returns which message a file has. Mail programs may have changed the end of its
// name. ok is false for names that fileName does not return.
func parseFileName(name string) (hash chunk.Prefix, copy uint32, ok bool) {
	unique := name
	if end := strings.IndexAny(name, ",:;!"); end >= 0 { // ";" and "!" stand for ":" where that cannot be in a name
		unique = name[:end]
	}
	fields := strings.Split(unique, ".")
	if len(fields) != 5 || fields[4] != ourSuffix || len(fields[2]) != hex.EncodedLen(len(hash)) {
		return hash, 0, false
	}
	if _, err := hex.Decode(hash[:], []byte(fields[2])); err != nil {
		return hash, 0, false
	}
	n, err := strconv.ParseUint(fields[3], 10, 32)
	return hash, uint32(n), err == nil
}
