package pages

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/zeebo/blake3"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/mailstrata/mailstrata/internal/local"
)

// magic begins a root. Its last byte is the version of this format.
var magic = []byte("mailstrata pages\x01")

// keyContext is the BLAKE3 context of the key that seals pages. The key material is the key of the
// caller and the salt.
const keyContext = "mailstrata 2026 pages"

const saltSize = 32

// maxRoot bounds a root. It is that of a file of 16 TB.
const maxRoot = 128 << 20

// root is what a commit leaves.
type root struct {
	salt       [saltSize]byte // random, for each file
	generation uint64         // counts commits
	pages      uint32
	tables     []entry
}

// key returns the key that seals pages.
func (r *root) key(key *[32]byte) []byte {
	derived := make([]byte, chacha20poly1305.KeySize)
	blake3.DeriveKey(keyContext, append(key[:len(key):len(key)], r.salt[:]...), derived)
	return derived
}

// write replaces the root at path.
func (r *root) write(path string, key *[32]byte) error {
	body := binary.BigEndian.AppendUint64(nil, r.generation)
	body = binary.BigEndian.AppendUint32(body, r.pages)
	for i := range r.tables {
		body = r.tables[i].append(body)
	}
	aead, err := chacha20poly1305.NewX(r.key(key))
	if err != nil {
		return err
	}
	text := append(bytes.Clone(magic), r.salt[:]...)
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	text = append(text, nonce...)
	text = aead.Seal(text, nonce, body, text[:len(magic)+saltSize])
	if len(text) > maxRoot {
		return local.Fail("write", path, errors.New("too many pages"))
	}
	return local.Replace(path, text)
}

// readRoot reads the root at path. If there is no file, it returns nil.
func readRoot(path string, key *[32]byte) (*root, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, local.Fail("read", path, err)
	case info.Size() > maxRoot:
		return nil, damaged(path, "too long")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, local.Fail("read", path, err)
	}
	if version := len(magic) - 1; bytes.HasPrefix(text, magic[:version]) && len(text) > version &&
		text[version] != magic[version] {
		return nil, damaged(path, "version %d, want %d", text[version], magic[version])
	}
	sealed := len(magic) + saltSize + nonceSize
	if !bytes.HasPrefix(text, magic) || len(text) < sealed {
		return nil, damaged(path, "not a root")
	}
	r := &root{}
	copy(r.salt[:], text[len(magic):])
	aead, err := chacha20poly1305.NewX(r.key(key))
	if err != nil {
		return nil, err
	}
	body, err := aead.Open(nil, text[sealed-nonceSize:sealed], text[sealed:], text[:len(magic)+saltSize])
	if err != nil {
		return nil, damaged(path, "the key does not open it")
	}
	if len(body) < 12 || (len(body)-12)%entrySize != 0 {
		return nil, damaged(path, "odd length")
	}
	r.generation, r.pages = binary.BigEndian.Uint64(body), binary.BigEndian.Uint32(body[8:])
	for body = body[12:]; len(body) > 0; body = body[entrySize:] {
		var e entry
		e.parse(body)
		r.tables = append(r.tables, e)
	}
	if len(r.tables) != tablesFor(r.pages) {
		return nil, damaged(path, "%d tables for %d pages", len(r.tables), r.pages)
	}
	return r, nil
}

// ErrDamaged means that what is in the directory is not what was written there with this key by
// this version.
var ErrDamaged = errors.New("damaged, or of another key or version")

func damaged(path, format string, args ...any) error {
	return local.Fail("read", path, fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...)))
}
