// Package localseal seals what a host keeps of a repository.
//
// An object in the store is sealed with age to a hybrid key. Opening it takes a tenth of a
// millisecond for the key alone, and as much for its hash, its tag and its frames. A host keeps
// only what it has opened and checked, so it keeps the content under a symmetric key instead. The
// key is derived from the identities that open such objects in the store. Anyone with these
// identities can open the files, and nobody else can.
package localseal

import (
	"crypto/cipher"
	"crypto/rand"

	"github.com/zeebo/blake3"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Key seals the files of one kind. A nil Key opens nothing, and what it seals is empty. It may be
// used by several goroutines at once.
type Key struct{ aead cipher.AEAD }

// NewKey derives a key from the secret of a repository and the identities that open objects of a
// kind. context is the use of the key. It is not part of the format, because the files never leave
// the host.
func NewKey(context string, secret format.Secret, identities []string) *Key {
	h := blake3.NewDeriveKey(context)
	h.Write(secret[:])
	for _, identity := range identities {
		h.Write([]byte(identity + "\n"))
	}
	aead, err := chacha20poly1305.NewX(h.Sum(nil)[:chacha20poly1305.KeySize])
	if err != nil {
		panic(err) // the key has the right size
	}
	return &Key{aead}
}

// Overhead is how many bytes a file has beside its content.
const Overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Seal returns a file with the content. It is bound to a name.
func (k *Key) Seal(name string, content []byte) []byte {
	if k == nil {
		return nil
	}
	file := make([]byte, chacha20poly1305.NonceSizeX, len(content)+Overhead)
	_, _ = rand.Read(file) // it never fails
	return k.aead.Seal(file, file, content, []byte(name))
}

// Open inverts Seal, in the memory of the file. It reports whether the file is what Seal returned
// for the name.
func (k *Key) Open(name string, file []byte) (content []byte, ok bool) {
	const n = chacha20poly1305.NonceSizeX
	if k == nil || len(file) < Overhead {
		return nil, false
	}
	content, err := k.aead.Open(file[n:n], file[:n], file[n:], []byte(name))
	return content, err == nil
}
