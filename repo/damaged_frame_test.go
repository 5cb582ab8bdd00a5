package repo_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Chunks before the damage in a frame can still be read.
func TestChunksBeforeDamageAreRead(t *testing.T) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		run, err := r.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w, err := run.Writer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		var ids []chunk.ID
		var chunks [][]byte
		for i := range 60 {
			data := text(uint64(i), 16<<10)
			id, _, err := w.Put(t.Context(), repo.LaneHeader, data)
			if err != nil {
				t.Fatal(err)
			}
			ids, chunks = append(ids, id), append(chunks, data)
		}
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, name := range store.Names() {
			if strings.HasPrefix(name, "data/") {
				b := store.Bytes(name)
				b[len(b)*2/3] ^= 1
				store.Replace(name, b)
			}
		}
		reader, whole := r.Reader(repo.ReaderOptions{}), 0
		for i, id := range ids {
			if data, err := reader.Chunk(t.Context(), id); err == nil {
				whole++
				if !bytes.Equal(data, chunks[i]) {
					t.Fatalf("chunk %d has other bytes", i)
				}
			}
		}
		if whole < len(ids)/4 || whole == len(ids) {
			t.Errorf("%d of %d chunks are read", whole, len(ids))
		}
	})
}
