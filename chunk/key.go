package chunk

import (
	"fmt"
	"io"

	"github.com/zeebo/blake3"
)

// Key is the secret under which a repository hashes. Whoever holds it can tell
// whether content he knows is archived.
type Key [32]byte

// Sum returns the ID of data. Each call makes a Hasher; for many small chunks
// one Hasher and its ID are four times as fast.
func (k Key) Sum(data []byte) ID {
	h := k.New()
	h.Write(data)
	return h.Sum()
}

// New returns a Hasher for content that comes in pieces.
func (k Key) New() *Hasher {
	h, err := blake3.NewKeyed(k[:])
	if err != nil {
		panic(err) // only for a key that is not 32 bytes long, which the type rules out
	}
	return &Hasher{h}
}

// Format implements fmt.Formatter so that a key printed by mistake, with
// whatever verb and inside whatever struct, shows nothing of itself.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, "chunk.Key(secret)") }

// Hasher computes the ID of what is written to it. It is not safe for
// concurrent use. It holds about 10 KiB; Reset makes it good for the next
// content.
type Hasher struct{ keyed *blake3.Hasher }

// Write adds p to the content. It never fails.
func (h *Hasher) Write(p []byte) (int, error) { return h.keyed.Write(p) }

// Sum returns the ID of all that was written since New or Reset.
func (h *Hasher) Sum() (id ID) {
	h.keyed.Sum(id[:0])
	return id
}

// ID returns the ID of data, whatever was written before. It leaves the Hasher
// as Reset does.
func (h *Hasher) ID(data []byte) ID {
	h.Reset()
	h.Write(data)
	id := h.Sum()
	h.Reset()
	return id
}

// Reset forgets what was written, not the key.
func (h *Hasher) Reset() { h.keyed.Reset() }
