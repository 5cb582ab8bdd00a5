package archivetest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/mail"
)

const SomeDate = " 1-Mar-2024 10:20:30 +0100"

// RandomBytes is content that does not compress and never recurs.
func RandomBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	source.Read(b)
	return b
}

// Base64 is base64 as mail has it.
func Base64(b []byte) []byte {
	var out bytes.Buffer
	text := base64.StdEncoding.EncodeToString(b)
	for len(text) > 76 {
		out.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	out.WriteString(text + "\r\n")
	return out.Bytes()
}

// PlainMessages makes n ordinary messages, UIDs from first on.
func PlainMessages(first mail.UID, n int) []Message {
	letters := make([]Message, n)
	for i := range letters {
		uid := first + mail.UID(i)
		letters[i] = Message{
			UID:   uid,
			Body:  fmt.Appendf(nil, "Subject: number %d\r\n\r\nHello %d.\r\n", uid, uid),
			Flags: mail.NewFlags(`\Seen`),
			Date:  SomeDate,
		}
	}
	return letters
}

// OddMessages are messages that are hardly mail.
func OddMessages() []Message { return slices.Clone(oddMessages()) }

// oddMessages are made once: they are large.
var oddMessages = sync.OnceValue(func() []Message {
	bodies := [][]byte{
		{},
		[]byte("\r\n"),
		[]byte("no header, no line end"),
		[]byte("\r\nno header"),
		[]byte("Subject: nul\x00\r\n\r\na\x00b\r\n"),
		[]byte("Subject: lf\n\nbare lf\nand cr\r\r\n"),
		append([]byte("Subject: a long line\r\n\r\n"), bytes.Repeat([]byte("x"), 1<<20)...),
		append([]byte("Subject: base64\r\n\r\n"), Base64(RandomBytes(1, 300_000))...),
		append([]byte("Subject: large\r\n\r\n"), RandomBytes(2, 20<<20)...),
		append([]byte("Subject: large base64\r\n\r\n"), Base64(RandomBytes(3, 3<<20))...),
		bytes.Repeat([]byte("X: header without end\r\n"), 20_000),
	}
	letters := make([]Message, len(bodies))
	for i, body := range bodies {
		letters[i] = Message{UID: mail.UID(10 * (i + 1)), Body: body, Flags: mail.NewFlags(`\Seen`, "odd"), Date: SomeDate}
	}
	letters[1].Date = "31-Foo-2050 99:00:00"
	return letters
})
