package repo

import "testing"

// What is put last is a third of all at most, or one small pack; and a large archive has a few packs more than it must.
func TestPacksGrow(t *testing.T) {
	var a packBuilder
	packs := 0
	for ; a.closed < 10<<30; packs++ {
		target := a.target()
		if target > packTarget || target < smallPack || target > firstPack && 3*target > a.closed+target {
			t.Fatalf("after %d bytes, a pack of %d", a.closed, target)
		}
		a.closed += target
	}
	if most := (10<<30)/packTarget + 4; packs > most {
		t.Errorf("%d packs for 10 GiB, not %d at most", packs, most)
	}
}
