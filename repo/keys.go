package repo

import (
	"crypto/hmac"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/zeebo/blake3"
)

// The contexts under which keys are derived from a repository's secret. Part of the durable format.
const (
	contextChunk       = "mailstrata v1 chunk id"
	contextMessage     = "mailstrata v1 message hash"
	contextTag         = "mailstrata v1 tag"
	contextAccount     = "mailstrata v1 account"
	contextKeyID       = "mailstrata v1 key id"
	contextFingerprint = "mailstrata v1 fingerprint"
)

// secret is what a repository's names and tags are made under. All roles hold it.
type secret [32]byte

// Format implements fmt.Formatter: a secret printed by mistake shows nothing of itself.
func (secret) Format(f fmt.State, _ rune) { io.WriteString(f, "secret") }

// keys is what is derived from a secret.
type keys struct {
	chunk   chunk.Key
	message chunk.Key
	tag     chunk.Key
	account chunk.Key
	id      [8]byte
}

func (s secret) keys() (k keys) {
	for _, derived := range []struct {
		context string
		key     []byte
	}{
		{contextChunk, k.chunk[:]},
		{contextMessage, k.message[:]},
		{contextTag, k.tag[:]},
		{contextAccount, k.account[:]},
		{contextKeyID, k.id[:]},
	} {
		blake3.DeriveKey(derived.context, s[:], derived.key)
	}
	return k
}

// sign makes the tag over a container's head and table.
func (k *keys) sign(head, table []byte) [32]byte {
	h := k.tag.New()
	h.Write(head)
	h.Write(table)
	return h.Sum()
}

// signed reports whether tag is that of head and table, in a time that does not tell how much of it is right.
func (k *keys) signed(head, table []byte, tag [32]byte) bool {
	want := k.sign(head, table)
	return hmac.Equal(want[:], tag[:])
}
