package repo

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// CachedChunks returns what CacheChunks last kept for an account, unless it is damaged.
func TestCachedChunks(t *testing.T) {
	for _, seal := range []bool{true, false} {
		o := InitOptions{NoSeal: !seal, Options: Options{CacheDir: t.TempDir()}}
		if seal {
			o.Passphrase, o.ScryptWork = []byte("correct horse"), 4
		}
		r, err := Init(t.Context(), new(storetest.Memory), o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if kept := r.CachedChunks("anna"); len(kept) != 0 {
			t.Fatalf("new account: %d chunks", len(kept))
		}
		r.CacheChunks("anna", [][]byte{[]byte("an older table")})
		r.CacheChunks("anna", [][]byte{[]byte("a table"), []byte("another table")})
		r.CacheChunks("bert", [][]byte{[]byte("of bert")})
		kept := r.CachedChunks("anna")
		if len(kept) != 2 || string(kept[r.ChunkID([]byte("another table"))]) != "another table" {
			t.Errorf("%q", kept)
		}
		r.CacheChunks("carl", [][]byte{[]byte("of carl")})
		r.DropLocal([]string{format.ManifestName(r.AccountDir("carl"), time.UnixMilli(1), [32]byte{})})
		if kept := r.CachedChunks("carl"); len(kept) != 0 {
			t.Errorf("erased account: %q", kept)
		}
		path := r.objects.Cache.Path(cachedName(r.AccountDir("anna")))
		stored, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if seal == bytes.Contains(stored, []byte("another table")) {
			t.Errorf("sealed: %v, and the file is %q", seal, stored)
		}
		for i := 0; i < len(stored); i += 1 + len(stored)/200 {
			harmed := bytes.Clone(stored)
			harmed[i] ^= 1
			if err := os.WriteFile(path, harmed, 0o600); err != nil {
				t.Fatal(err)
			}
			for id, data := range r.CachedChunks("anna") {
				if r.ChunkID(data) != id || kept[id] == nil {
					t.Fatalf("byte %d: %q", i, data)
				}
			}
		}
	}
}
