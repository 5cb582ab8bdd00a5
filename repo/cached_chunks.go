package repo

import (
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// CacheChunks keeps chunks of the catalog on this host, sealed like the catalog, so that the next
// run reads them without requests. They replace those that it kept for the account before.
func (r *Repo) CacheChunks(account string, chunks [][]byte) {
	content, err := format.Encode(chunks)
	if err != nil || len(content) > maxCached {
		return
	}
	stored, _, err := r.objects.Codec.Build(format.KindCatalog, content, r.objects.Seals.Recipients(format.KindCatalog))
	if err == nil {
		r.objects.Cache.Write(cachedName(r.AccountDir(account)), stored)
	}
}

// CachedChunks returns the chunks that CacheChunks kept for an account, by ID, without those that
// are damaged or missing.
func (r *Repo) CachedChunks(account string) map[chunk.ID][]byte {
	kept := map[chunk.ID][]byte{}
	if r.objects.Cache == nil {
		return kept
	}
	stored, err := os.ReadFile(filepath.Clean(r.objects.Cache.Path(cachedName(r.AccountDir(account)))))
	if err != nil || len(stored) > 2*maxCached {
		return kept
	}
	content, err := r.objects.Codec.Parse(stored, format.KindCatalog, r.objects.Seals.Writer)
	var chunks [][]byte
	if err != nil || format.Decode(content, &chunks) != nil {
		return kept
	}
	for _, data := range chunks {
		kept[r.ChunkID(data)] = data
	}
	return kept
}

// maxCached bounds the bytes that are kept for an account.
const maxCached = 4 << 20

// cachedName returns a name in the cache that no object in a store has.
func cachedName(dir string) string { return "tables/" + dir }
