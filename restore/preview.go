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

// look finds out what a restore would add.
func (r *restore) look(ctx context.Context, deliveries []*delivery) error {
	looker, ok := r.Target.(Previewer)
	if !ok {
		return nil
	}
	places, err := looker.Preview(ctx, asked(deliveries))
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(places) != len(deliveries) {
		return fmt.Errorf("the target has places for %d of %d mailboxes", len(places), len(deliveries))
	}
	for i, d := range deliveries {
		if err := r.lookAt(ctx, looker, d, places[i]); err != nil {
			return fmt.Errorf("mailbox %q: %w", d.Name, err)
		}
	}
	r.ledger.update(func(report *Report) { report.Previewed = true })
	return nil
}

// lookAt counts what one place has and lacks.
func (r *restore) lookAt(ctx context.Context, looker Previewer, d *delivery, place Place) error {
	list, err := r.callRoll(ctx, d)
	if err != nil || place.Skip {
		return err
	}
	defer r.ledger.mailboxesDone(1)
	if len(list.rows) == 0 {
		return nil
	}
	var folder ReadFolder = noFolder{errNoPlace}
	if place.Name != "" {
		if folder, err = looker.OpenRead(ctx, place); err != nil {
			return err
		}
	}
	if err := errors.Join(list.compare(ctx, r, folder), folder.Close()); err != nil {
		return err
	}
	for i := range list.rows {
		if row := &list.rows[i]; row.state == rowMissing {
			r.ledger.added(1, row.size)
		}
	}
	return nil
}
