package restore

import (
	"context"
	"errors"
	"fmt"
)

// preview counts what a restore would add.
func (r *restorer) preview(ctx context.Context, routes []*route) error {
	previewer, ok := r.Target.(Previewer)
	if !ok {
		return nil
	}
	places, err := previewPlaces(ctx, previewer, routes)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, rt := range routes {
		if err := r.previewMailbox(ctx, previewer, rt, places[i]); err != nil {
			return fmt.Errorf("mailbox %q: %w", rt.Name, err)
		}
	}
	r.reporter.update(func(report *Report) { report.Previewed = true })
	return nil
}

// previewMailbox counts the messages that one place has and lacks.
func (r *restorer) previewMailbox(ctx context.Context, previewer Previewer, rt *route, place Place) error {
	list, err := r.listMessages(ctx, rt)
	if err != nil || place.Skip {
		return err
	}
	defer r.reporter.mailboxesDone(rt.count())
	if len(list.rows) == 0 {
		return nil
	}
	var folder ReadFolder = noFolder{errNoPlace}
	if place.Name != "" {
		if folder, err = previewer.OpenRead(ctx, place); err != nil {
			return err
		}
	}
	if err := errors.Join(list.compare(ctx, folder), folder.Close()); err != nil {
		return err
	}
	for i := range list.rows {
		if row := &list.rows[i]; row.state == rowMissing {
			r.reporter.added(1, row.size)
		}
	}
	return nil
}
