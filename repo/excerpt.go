package repo

import (
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	"github.com/zeebo/blake3"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/mailstrata/mailstrata/repo/format"
)

// contextExcerpt is the context of the key of excerpts. They never leave the host, so it is not
// part of the format.
const contextExcerpt = "mailstrata v1 excerpts on this host"

// Excerpt returns the excerpt of a frame that KeepExcerpt kept on this host. It is what KeepExcerpt
// was given, because it is authenticated.
func (rd *Reader) Excerpt(f format.Frame) (excerpt []byte, kept bool) {
	cache := rd.cache(format.KindData)
	sealed, found := cache.Excerpt(f)
	if !found {
		return nil, false
	}
	n := chacha20poly1305.NonceSizeX
	if len(sealed) < n {
		return nil, false
	}
	excerpt, err := rd.excerptKey().Open(sealed[n:n], sealed[:n], sealed[n:], excerptOf(f))
	return excerpt, err == nil
}

// KeepExcerpt keeps an excerpt of a frame of mail on this host, in place of the one before: what
// the caller needs of it again and again. It is sealed under a key that follows from the identities
// that open mail, so a search reads it without opening the pack. It is removed with the pack. What
// cannot be kept is not kept, and no error.
func (rd *Reader) KeepExcerpt(f format.Frame, excerpt []byte) {
	cache := rd.cache(format.KindData)
	if cache == nil || len(excerpt) == 0 {
		return
	}
	sealed := make([]byte, chacha20poly1305.NonceSizeX,
		chacha20poly1305.NonceSizeX+len(excerpt)+chacha20poly1305.Overhead)
	_, _ = rand.Read(sealed) // it never fails
	cache.KeepExcerpt(f, rd.excerptKey().Seal(sealed, sealed, excerpt, excerptOf(f)))
}

// KeepsExcerpts reports whether this host keeps excerpts.
func (rd *Reader) KeepsExcerpts() bool { return rd.r.CanRead() && rd.cache(format.KindData) != nil }

// excerptKey returns the AEAD of excerpts. A key of the repository that does not open mail is not
// enough to derive its key.
func (rd *Reader) excerptKey() cipher.AEAD {
	rd.excerpts.Do(func() {
		h := blake3.NewDeriveKey(contextExcerpt)
		h.Write(rd.r.access.Held.Secret[:])
		for _, identity := range rd.r.access.Held.Readers {
			h.Write([]byte(identity + "\n"))
		}
		aead, err := chacha20poly1305.NewX(h.Sum(nil)[:chacha20poly1305.KeySize])
		if err != nil {
			panic(err) // the key has the right size
		}
		rd.aead = aead
	})
	return rd.aead
}

// excerptOf returns what an excerpt is bound to: its frame.
func excerptOf(f format.Frame) []byte {
	return fmt.Appendf(nil, "%s %d", f.Pack, f.Offset)
}
