package restore

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
)

// Previewer is implemented by targets that can be looked at without being changed: then a dry run tells what is there
// already, instead of only what was chosen.
type Previewer interface {
	// Preview tells for each mailbox where its messages would go, as Prepare does, but makes nothing. Of places that are not
	// there yet the Name is empty: all would be added.
	Preview(ctx context.Context, mailboxes []mail.Mailbox) ([]Place, error)

	// OpenRead opens a place that is there.
	OpenRead(ctx context.Context, place Place) (ReadFolder, error)
}

// ReadFolder is what a place holds: a Folder that is only asked.
type ReadFolder interface {
	Missing(ctx context.Context, wanted []Wanted) ([]int, error) // as of Folder
	Close() error
}

// preview finds out what a restore would add.
func (r *restorer) preview(ctx context.Context, routes []*route) error {
	previewer, ok := r.Target.(Previewer)
	if !ok {
		return nil
	}
	places, err := previewer.Preview(ctx, mailboxesOf(routes))
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(places) != len(routes) {
		return fmt.Errorf("the target has places for %d of %d mailboxes", len(places), len(routes))
	}
	for i, rt := range routes {
		if err := r.previewMailbox(ctx, previewer, rt, places[i]); err != nil {
			return fmt.Errorf("mailbox %q: %w", rt.Name, err)
		}
	}
	r.recorder.update(func(report *Report) { report.Previewed = true })
	return nil
}

// previewMailbox counts what one place has and lacks.
func (r *restorer) previewMailbox(ctx context.Context, previewer Previewer, rt *route, place Place) error {
	list, err := r.listMessages(ctx, rt)
	if err != nil || place.Skip {
		return err
	}
	defer r.recorder.mailboxesDone(1)
	if len(list.rows) == 0 {
		return nil
	}
	var folder ReadFolder = noFolder{errNoPlace}
	if place.Name != "" {
		if folder, err = previewer.OpenRead(ctx, place); err != nil {
			return err
		}
	}
	if err := errors.Join(list.compare(ctx, r, folder), folder.Close()); err != nil {
		return err
	}
	for i := range list.rows {
		if row := &list.rows[i]; row.state == rowMissing {
			r.recorder.added(1, row.size)
		}
	}
	return nil
}
