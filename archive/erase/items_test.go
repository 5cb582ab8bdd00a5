package erase_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// An erased message leaves the calendars of every night as they were.
func TestErasedMessageLeavesCalendars(t *testing.T) {
	store := &storetest.Memory{}
	r, a, s := archivetest.NewRepo(t, store), account(), archivetest.NewItemServer()
	a.Items = []collection.Source{s}
	s.Collection("/cal/").Put("long.ics", string(archivetest.RandomBytes(1, 1<<21)))
	b := archivetest.Backup(t, r, a)
	states := []map[string]string{s.State()}
	for i := range 100 {
		s.Collection("/cal/").Put(fmt.Sprint(i, ".ics"), fmt.Sprint("event ", i))
	}
	hash := record(t, r, b.Head, "INBOX", confidential).Hash
	archivetest.Backup(t, r, a)
	states = append(states, s.State())
	if _, report := eraseMessage(t, r, hash); report.Rewritten != 2 || len(report.Damaged) > 0 {
		t.Errorf("the report is %+v", report)
	}
	prune(t, store, r)
	prune(t, store, r)
	night := len(states)
	for head, err := range archive.Manifests(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		if night--; night < 0 || !maps.Equal(archivetest.ArchivedItems(t, r, head.Head), states[night]) {
			t.Errorf("night %d has other items", night)
		}
	}
	archivetest.MustBeSound(t, r)
}
