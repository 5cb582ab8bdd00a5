package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Previewer = (*Target)(nil)

// Preview implements restore.Previewer.
func (t *Target) Preview(_ context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	places := make([]restore.Place, len(mailboxes))
	locations := t.locate(mailboxes)
	for i := range mailboxes {
		box := &mailboxes[i]
		places[i] = restore.Place{Mailbox: box.Name, Skip: !box.Selectable()}
		at := filepath.Join(t.path, filepath.FromSlash(locations[i].dir))
		switch info, err := os.Stat(filepath.Join(at, "cur")); {
		case err == nil && info.IsDir():
			places[i].Name = at
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, tree.Explain(at, err)
		}
	}
	return places, nil
}

// OpenRead implements restore.Previewer.
func (t *Target) OpenRead(ctx context.Context, place restore.Place) (restore.ReadFolder, error) {
	root, err := os.OpenRoot(place.Name)
	if err != nil {
		return nil, tree.Explain(place.Name, err)
	}
	f := &folder{path: place.Name, root: root, hasher: t.hasher}
	if f.present, err = readPresent(ctx, root); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", place.Name, err), root.Close())
	}
	return &readFolder{f}, nil
}

// readFolder is a folder that is open for reading.
type readFolder struct{ *folder }

// Close implements restore.ReadFolder.
func (h *readFolder) Close() error { return h.root.Close() }
