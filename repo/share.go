package repo

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Share is the part of the objects of a repository that one of several hosts checks: the Nth of Of. The zero value has all
// objects. An object is in exactly one share, which depends only on its name, so hosts need not know of each other.
type Share struct{ N, Of int }

// Has reports whether the object with a name is in the share: the first 8 bytes of the hash in its name, as a big-endian
// number, modulo Of, are N − 1. Of manifests it is the hash of the account, so that all manifests of an account are in one
// share. What has no hash is in the first share.
func (s Share) Has(name string) bool {
	return s.Of <= 1 || position(name)%uint64(s.Of) == uint64(s.N-1)
}

func position(name string) uint64 {
	if rest, ok := strings.CutPrefix(name, format.KindManifest.Folder()); ok {
		account, _, _ := strings.Cut(rest, "/")
		if hash, err := hex.DecodeString(account); err == nil && len(hash) >= 8 {
			return binary.BigEndian.Uint64(hash)
		}
	}
	hash, _ := store.Hash(name)
	return binary.BigEndian.Uint64(hash[:])
}
