package format

import (
	"crypto/hmac"
	"fmt"
	"io"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
)

// The contexts of the keys that are derived from a repository's secret. Part of the durable format.
const (
	contextChunk       = "mailstrata v1 chunk id"
	contextMessage     = "mailstrata v1 message hash"
	contextTag         = "mailstrata v1 tag"
	contextAccount     = "mailstrata v1 account"
	contextKeyID       = "mailstrata v1 key id"
	ContextFingerprint = "mailstrata v1 fingerprint"
	ContextWords       = "mailstrata v1 words"
)

// Secret is what the keys of a repository's names and tags are derived from. Every role holds it.
type Secret [32]byte

// Format implements fmt.Formatter. It prints nothing of the secret.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "secret") }

// Keys are the keys derived from a Secret.
type Keys struct {
	Chunk   chunk.Key
	Message chunk.Key
	Tag     chunk.Key
	Account chunk.Key
	ID      [8]byte
}

// Keys derives the keys.
func (s Secret) Keys() (k Keys) {
	for _, derived := range []struct {
		context string
		key     []byte
	}{
		{contextChunk, k.Chunk[:]},
		{contextMessage, k.Message[:]},
		{contextTag, k.Tag[:]},
		{contextAccount, k.Account[:]},
		{contextKeyID, k.ID[:]},
	} {
		blake3.DeriveKey(derived.context, s[:], derived.key)
	}
	return k
}

// sign returns the tag of a container's head and table.
func (k *Keys) sign(head, table []byte) [32]byte {
	h := k.Tag.New()
	h.Write(head)
	h.Write(table)
	return h.Sum()
}

// signed reports, in constant time, whether tag is the tag of head and table.
func (k *Keys) signed(head, table []byte, tag [32]byte) bool {
	want := k.sign(head, table)
	return hmac.Equal(want[:], tag[:])
}
