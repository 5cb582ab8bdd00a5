package repo_test

import (
	"encoding/binary"
	"testing"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func BenchmarkPut(b *testing.B) {
	for _, kind := range []struct {
		name string
		lane repo.Lane
		make func(seed uint64, n int) []byte
	}{{"text", repo.LaneText, text}, {"noise", repo.LaneBody, noise}} {
		b.Run(kind.name, func(b *testing.B) {
			r := mustInit(b, new(storetest.Memory), sealedOptions())
			run, err := r.Begin(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			w, err := run.Writer(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			data := kind.make(1, 8<<20)
			const size = 4 << 10
			n := uint64(0)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				at := int(n*size) % (len(data) - size)
				piece := data[at : at+size]
				binary.LittleEndian.PutUint64(piece, n) // never seen before
				n++
				if _, _, err := w.Put(b.Context(), kind.lane, piece); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
