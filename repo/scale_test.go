package repo_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/dir"
	"github.com/mailstrata/mailstrata/repo"
)

// BenchmarkIndex measures time and memory of a host with an index of many chunks, with an empty
// cache and with a full one. For twenty million chunks:
//
//	MAILSTRATA_CHUNKS=20000000 go test ./repo -run '^$' -bench Index -benchtime 1x -timeout 1h
func BenchmarkIndex(b *testing.B) {
	chunks, _ := strconv.Atoi(cmp.Or(os.Getenv("MAILSTRATA_CHUNKS"), "300000"))
	store, err := dir.Create(filepath.Join(b.TempDir(), "store"))
	if err != nil {
		b.Fatal(err)
	}
	r := mustInit(b, store, sealedOptions())
	const inSegment = 128 << 10
	var known []chunk.Prefix // some of each segment
	for seed := 0; seed*inSegment < chunks; seed++ {
		_, prefixes := mustPutSegment(b, r, uint64(seed), min(inSegment, chunks-seed*inSegment))
		for i := 0; i < len(prefixes); i += 100 {
			known = append(known, prefixes[i])
		}
	}
	m := &meter{Store: store}
	cacheDir := b.TempDir()
	on := func(cacheDir string, do func(*repo.Repo)) {
		host := repo.On(r, m, cacheDir)
		defer host.Close()
		do(host)
	}
	random := rand.New(rand.NewPCG(1, 2))
	lookUp := func(cacheDir string, n int, miss byte) {
		on(cacheDir, func(host *repo.Repo) {
			for range n {
				p := known[random.IntN(len(known))]
				p[15] ^= miss
				if found, err := repo.Places(b.Context(), host, p); err != nil || found == 0 && miss == 0 {
					b.Fatal(found, err)
				}
			}
		})
	}
	for _, stage := range []struct {
		name  string
		times int
		do    func(n int)
	}{
		{"one lookup, cold", 1, func(n int) { lookUp(b.TempDir(), n, 0) }},
		{"load, cold", 1, func(int) { on(cacheDir, func(host *repo.Repo) { must(b, repo.LoadIndex(b.Context(), host)) }) }},
		{"open, warm", 1, func(n int) { lookUp(cacheDir, n, 0) }},
		{"hits", 100_000, func(n int) { lookUp(cacheDir, n, 0) }},
		{"misses", 100_000, func(n int) { lookUp(cacheDir, n, 1) }},
		{"a backup of new chunks", 100_000, func(n int) { on(cacheDir, func(host *repo.Repo) { putSmall(b, host, n) }) }},
	} {
		b.Run(stage.name, func(b *testing.B) {
			resetPeak()
			before, began := m.read.Load(), time.Now()
			for b.Loop() {
				stage.do(stage.times)
			}
			per := float64(b.N * stage.times)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(time.Since(began).Microseconds())/per, "µs/each")
			b.ReportMetric(float64(m.read.Load()-before)/1e6/float64(b.N), "MB-read")
			b.ReportMetric(peak(), "MiB-peak")
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// putSmall stores n chunks of 1 KB that are new.
func putSmall(t testing.TB, r *repo.Repo, n int) {
	run, err := r.Begin(t.Context())
	must(t, err)
	w, err := run.Writer(t.Context())
	must(t, err)
	defer w.Close()
	data := text(1, 1000)
	for i := range n {
		binary.LittleEndian.PutUint64(data, uint64(i))
		_, _, err := w.Put(t.Context(), repo.LaneText, data)
		must(t, err)
	}
	must(t, w.Flush(t.Context()))
}

// resetPeak resets the kernel's record of the most memory in use. On systems without that, a peak
// includes earlier ones.
func resetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// peak returns the largest resident set since resetPeak, in MiB, or 0 if the system does not report
// it.
func peak() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kib float64
	_, _ = fmt.Sscan(string(rest), &kib)
	return kib / 1024
}
