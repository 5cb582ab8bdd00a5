package repo

import (
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// CacheChunks keeps chunks of the catalog on this host, in place of those that it kept for the account before, so that what
// each run reads first costs no requests. They are sealed like the catalog.
func (r *Repo) CacheChunks(account string, chunks [][]byte) {
	content, err := format.Encode(chunks)
	if err != nil || len(content) > maxCached {
		return
	}
	stored, _, err := r.codec.Build(format.KindCatalog, content, r.seals.recipients(format.KindCatalog))
	if err == nil {
		r.cache.keepObject(cachedName(r.AccountDir(account)), stored)
	}
}

// CachedChunks returns the chunks that CacheChunks kept for an account, by ID. Damaged and missing ones are left out.
func (r *Repo) CachedChunks(account string) map[chunk.ID][]byte {
	kept := map[chunk.ID][]byte{}
	if r.cache == nil {
		return kept
	}
	stored, err := os.ReadFile(filepath.Clean(r.cache.path(cachedName(r.AccountDir(account)))))
	if err != nil || len(stored) > 2*maxCached {
		return kept
	}
	content, err := r.codec.Parse(stored, format.KindCatalog, r.seals.writer)
	var chunks [][]byte
	if err != nil || format.Decode(content, &chunks) != nil {
		return kept
	}
	for _, data := range chunks {
		kept[r.chunkID(data)] = data
	}
	return kept
}

// maxCached bounds what is kept for an account.
const maxCached = 4 << 20

// cachedName is a name that no object in a store has.
func cachedName(dir string) string { return "tables/" + dir }
