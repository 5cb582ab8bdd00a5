package jmaprestore

import (
	"context"

	"github.com/mailstrata/mailstrata/restore"
)

// folder is a mailbox of the account.
type folder struct {
	t    *Target
	box  string
	used map[string]bool // ids of messages that are the copy of a wanted one
}

var _ restore.Folder = (*folder)(nil)

func newFolder(t *Target, box string) *folder { return &folder{t, box, make(map[string]bool)} }

// BatchSize implements restore.Folder.
func (*folder) BatchSize() (messages int, bytes int64) { return 100, 16 << 20 }

// Close implements restore.Folder. Messages are there when Append returns.
func (*folder) Close() error { return nil }

// Missing implements restore.Folder. Messages of the same size that are in the mailbox, or that
// have the same date, are read: only the bytes prove that a message is the wanted one.
func (f *folder) Missing(ctx context.Context, wanted []restore.Message) ([]int, error) {
	x, err := f.t.load(ctx)
	if err != nil {
		return nil, err
	}
	var read []*email
	seen := make(map[*email]bool)
	for i := range wanted {
		for _, e := range x.bySize[wanted[i].Size] {
			if !seen[e] && (e.isIn(f.box) || e.date == wanted[i].Internal.Seconds) {
				seen[e], read = true, append(read, e)
			}
		}
	}
	if err := f.t.readAll(ctx, x, read); err != nil {
		return nil, err
	}
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	var missing []int
	for i := range wanted {
		if !f.use(x, &wanted[i]) {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// use marks a message of the mailbox as the copy of a wanted one. It reports whether there is one.
// The caller holds mu.
func (f *folder) use(x *existing, m *restore.Message) bool {
	for _, e := range x.byHash[m.Hash] {
		if e.isIn(f.box) && !f.used[e.id] {
			f.used[e.id] = true
			return true
		}
	}
	return false
}
