package chunk

import (
	"fmt"
	"io"

	"github.com/zeebo/blake3"
)

// Key is the secret under which a repository hashes. A holder of the key can find out whether the
// repository has a given content.
type Key [32]byte

// Sum returns the ID of data. Each call makes a Hasher. For many small chunks, the ID method of one
// Hasher is four times as fast.
func (k Key) Sum(data []byte) ID {
	h := k.New()
	h.Write(data)
	return h.Sum()
}

// New returns a Hasher, for content that comes in pieces.
func (k Key) New() *Hasher {
	h, err := blake3.NewKeyed(k[:])
	if err != nil {
		panic(err) // only for a key that is not 32 bytes long, which the type rules out
	}
	return &Hasher{h}
}

// Format implements fmt.Formatter. A key that is printed by mistake, with any verb and within any
// struct, reveals nothing.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, "chunk.Key(secret)") }

// Hasher computes the ID of what is written to it. It holds about 10 KiB and can be used again
// after Reset. It is not safe for concurrent use.
type Hasher struct{ keyed *blake3.Hasher }

// Write adds p to the content. It never fails.
func (h *Hasher) Write(p []byte) (int, error) { return h.keyed.Write(p) }

// Sum returns the ID of the bytes written since New or Reset.
func (h *Hasher) Sum() (id ID) {
	h.keyed.Sum(id[:0])
	return id
}

// ID returns the ID of data. It resets the Hasher before and after.
func (h *Hasher) ID(data []byte) ID {
	h.Reset()
	h.Write(data)
	id := h.Sum()
	h.Reset()
	return id
}

// Reset discards what was written. The key stays.
func (h *Hasher) Reset() { h.keyed.Reset() }
