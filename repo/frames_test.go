package repo_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A writer has a fixed number of frames, and none of them grows, in whatever order lanes fill: they
// are most of the memory of a backup.
func TestFramesDoNotGrow(t *testing.T) {
	r := mustInit(t, new(storetest.Memory), repo.InitOptions{NoSeal: true})
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	one, other := w.Stream(), w.Stream()
	defer one.Close()
	defer other.Close()
	put := func(s *repo.Stream, lane repo.Lane, seed, chunks int) {
		for i := range chunks {
			if _, _, err := s.Put(t.Context(), lane, noise(uint64(seed+i), chunk.Max)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range 2 { // each fills a frame of each lane, and a second one in part
		for i, lane := range []repo.Lane{format.LaneHeader, format.LaneText, format.LaneBody, format.LaneCatalog} {
			put(one, lane, 1000*round+100*i, 18)
			put(other, lane, 1000*round+100*i+50, 18)
		}
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	const catalog, header, mail = 1<<20 + chunk.Max, 2<<20 + chunk.Max, 4<<20 + chunk.Max
	most := 3*catalog + 3*header + (4+format.EncodersAtOnce())*mail
	sum := 0
	for _, room := range repo.FrameRoom(w) {
		if room != 0 && room != catalog && room != header && room != mail {
			t.Errorf("a frame has grown to %d bytes", room)
		}
		sum += room
	}
	if sum > most || sum < most/2 {
		t.Errorf("all frames have room for %d bytes, and %d at most are expected", sum, most)
	}
}
