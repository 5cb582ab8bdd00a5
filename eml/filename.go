package eml

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// hashTag is the part of the hash of a message that is in the name of its file.
type hashTag [8]byte

func tagOf(hash chunk.ID) hashTag { return hashTag(hash[:8]) }

// fileName returns the name for the file of a message.
func fileName(ctx context.Context, m *restore.Message) string {
	var head []byte
	if m.Header != nil {
		head, _ = m.Header(ctx) // a name without a subject is a name
	}
	return FileName(m.Internal, head, m.UID, m.Hash)
}

// FileName returns the name for the file of a message: its INTERNALDATE, its subject, and its UID
// and hash, which no other message of its mailbox has. It depends only on the message, so every
// restore returns the same name. parseFileName inverts it.
func FileName(date mail.Date, head []byte, uid mail.UID, hash chunk.ID) string {
	words := []string{"undated", shortSubject(header.Text(head, "Subject"))}
	if t := date.Time(); date.IsReadable() && t.Year() >= 0 && t.Year() <= 9999 {
		words[0] = t.Format("2006-01-02 1504")
	}
	own := tagOf(hash)
	words = append(words, fmt.Sprintf("%d-%s%s", uid, hex.EncodeToString(own[:]), suffix))
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// These constants bound the subject in a name. File systems accept names of 255 bytes or
// characters.
const (
	subjectRunes = 60
	subjectBytes = 150
)

// shortSubject returns the beginning of a subject, in characters that are valid on every file
// system and have no meaning in a shell or a terminal.
func shortSubject(subject string) string {
	var b strings.Builder
	n := 0
	for _, r := range subject {
		if !unicode.In(r, unicode.L, unicode.N, unicode.M) && !strings.ContainsRune("-_.,+@", r) ||
			r == utf8.RuneError {
			r = ' '
		}
		if n++; n > subjectRunes || b.Len()+utf8.RuneLen(r) > subjectBytes {
			break
		}
		b.WriteRune(r)
	}
	return strings.Trim(b.String(), " .")
}

// parseFileName returns the UID and the hashTag of a name that fileName or an earlier version of it
// returned. The earlier names are like 0000000042-6f1d…c2.eml, with 16 bytes of the hash.
func parseFileName(name string) (uid mail.UID, own hashTag, ok bool) {
	unique, ok := strings.CutSuffix(name, suffix)
	unique = unique[strings.LastIndexByte(unique, ' ')+1:]
	number, digits, cut := strings.Cut(unique, "-")
	n, err := strconv.ParseUint(number, 10, 32)
	hash, errHash := hex.DecodeString(digits)
	if !ok || !cut || err != nil || errHash != nil || len(hash) != len(own) && len(hash) != len(chunk.Prefix{}) {
		return 0, own, false
	}
	return mail.UID(n), hashTag(hash[:len(own)]), true
}
