package compare

import (
	"errors"
	"iter"
	"runtime"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// listed is a server that lists the UIDs that next returns for 0, 1, 2…, until it returns 0.
func listed(next func(n int) mail.UID) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		for n := 0; ; n++ {
			uid := next(n)
			if uid == 0 || !yield(mail.Message{UID: uid, Size: -1}, nil) {
				return
			}
		}
	}
}

// However many unrecorded messages a server lists, the memory for them is bounded, and an endless
// answer is a flood.
func TestUnrecordedMessagesAreBounded(t *testing.T) {
	const all = 1<<32 - 1
	entries := []manifest.Entry{{Record: manifest.Record{UID: 5}}, {Record: manifest.Record{UID: all}}}
	for name, test := range map[string]struct {
		messages uint32 // from EXISTS
		next     func(n int) mail.UID
		fresh    int64 // 0: it is a flood
	}{
		"three":               {5, func(n int) mail.UID { return []mail.UID{5, 7, 8, 9, all, 0}[n] }, 3},
		"more than there are": {5, func(n int) mail.UID { return mail.UID(n + 10) }, 0},
		"in a row":            {3_000_000, func(n int) mail.UID { return mail.UID(n+10) * mail.UID(1-n/2_000_000) }, 2_000_000},
		"backwards":           {3_000_000, func(n int) mail.UID { return mail.UID(max(0, 2_000_000-n)) }, 1_999_999},
		"scattered":           {all, func(n int) mail.UID { return mail.UID(2*n + 10) }, 0},
		"scattered backwards": {all, func(n int) mail.UID { return mail.UID(4_000_000_000 - 2*n) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			old := &manifest.Mailbox{Mailbox: mail.Mailbox{Status: &mail.Status{}}, Messages: 2}
			found := &manifest.Mailbox{Mailbox: mail.Mailbox{Status: &mail.Status{Messages: test.messages}}}
			c := New(old, found)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			err := c.compareRange(listed(test.next), entries, mail.UIDRange{First: 1, Last: all}, old)
			runtime.ReadMemStats(&after)
			if test.fresh == 0 && !errors.Is(err, mail.ErrFlood) {
				t.Errorf("it ends with %v, and %d messages", err, c.Fresh.Len())
			}
			if test.fresh > 0 && (err != nil || c.Fresh.Len() != test.fresh) {
				t.Errorf("it ends with %v, and %d messages", err, c.Fresh.Len())
			}
			if held := int64(after.HeapInuse) - int64(before.HeapInuse); held > 64<<20 {
				t.Errorf("it holds %d MiB", held>>20)
			}
		})
	}
}
