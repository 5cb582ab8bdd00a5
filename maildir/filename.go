package maildir

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/restore"
)

// ownSuffix ends the unique part of the names that we give.
const ownSuffix = "mailstrata"

// fileName names a message's file.
func fileName(m *restore.Wanted, copy uint32, size sizes, flags string) string {
	return fmt.Sprintf("%010d.%d.%s.%d.%s,S=%d,W=%d%c2,%s",
		m.UID, m.Internal.Seconds, m.Hash.Prefix(), copy, ownSuffix, size.file, size.wire, infoMark, flags)
}

// parseFileName tells which message a file holds, whatever a mail program made of the end of its name; ok is false for
// files that are not ours.
func parseFileName(name string) (hash chunk.Prefix, copy uint32, ok bool) {
	unique := name
	if end := strings.IndexAny(name, ",:;!"); end >= 0 { // ";" and "!" stand for ":" where that cannot be in a name
		unique = name[:end]
	}
	fields := strings.Split(unique, ".")
	if len(fields) != 5 || fields[4] != ownSuffix || len(fields[2]) != hex.EncodedLen(len(hash)) {
		return hash, 0, false
	}
	if _, err := hex.Decode(hash[:], []byte(fields[2])); err != nil {
		return hash, 0, false
	}
	n, err := strconv.ParseUint(fields[3], 10, 32)
	return hash, uint32(n), err == nil
}
