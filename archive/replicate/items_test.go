package replicate_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// TestCopyHoldsItems checks that each night of a copy has the scripts, events and contacts of that
// night.
func TestCopyHoldsItems(t *testing.T) {
	from, to := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewRepo(t, new(storetest.Memory))
	a, s := archivetest.SampleAccount(), archivetest.NewItemServer()
	a.Items = []collection.Source{s}
	s.Collection("/cal/").Put("long.ics", string(archivetest.RandomBytes(1, 1<<21)))
	var nights []repo.Head
	var states []map[string]string
	for night := range 3 {
		for i := range 100 {
			s.Collection("/cal/").Put(fmt.Sprintf("%03d.ics", i+night*50), fmt.Sprint(night, i))
		}
		nights, states = append(nights, archivetest.Backup(t, from, a).Head), append(states, s.State())
		archivetest.Copy(t, from, to)
	}
	copied, _ := archivetest.Copy(t, from, to)
	if len(copied) != len(nights) {
		t.Fatalf("%d of %d nights were copied", len(copied), len(nights))
	}
	for i, c := range copied {
		if got := archivetest.ArchivedItems(t, to, c.Head); !maps.Equal(got, states[i]) {
			t.Errorf("night %d has %d items in the copy, not its %d", i, len(got), len(states[i]))
		}
	}
	archivetest.MustBeSound(t, to)
}
