package repo

import "testing"

// The last pack is at most a third of all bytes, or one small pack. A large archive has few packs
// more than the fewest possible.
func TestPacksGrow(t *testing.T) {
	var a packBuilder
	packs := 0
	for ; a.closed < 10<<30; packs++ {
		target := a.target()
		if target > packTarget || target < packTarget/2 || target > firstPack && 3*target > a.closed+target {
			t.Fatalf("after %d bytes, a pack of %d", a.closed, target)
		}
		a.closed += target
	}
	if most := (10<<30)/packTarget + 4; packs > most {
		t.Errorf("%d packs for 10 GiB, not %d at most", packs, most)
	}
}
