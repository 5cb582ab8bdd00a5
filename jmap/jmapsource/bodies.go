package jmapsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
)

// Bodies implements source.View. A message that cannot be read is left out, with an error at the
// end.
func (v *view) Bodies(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	if err := v.findBlobs(ctx, messages); err != nil {
		return err
	}
	var unread error
	for _, m := range messages {
		b, there := v.blobs[m.UID]
		if !there {
			continue // it is gone
		}
		if b.size > mail.MaxMessage {
			return &mail.TooLargeError{UID: m.UID, Size: b.size}
		}
		err := v.body(ctx, m.UID, b, read)
		own := (*source.ReaderError)(nil)
		switch {
		case errors.As(err, &own):
			return own.Err
		case err != nil && (errors.Is(err, mail.ErrTemporary) || ctx.Err() != nil):
			return err
		case err != nil:
			unread = fmt.Errorf("%w: %v", mail.ErrRefused, err)
		}
	}
	return unread
}

// findBlobs finds the blobs of messages that another view has listed.
func (v *view) findBlobs(ctx context.Context, messages []mail.Message) error {
	var ids []string
	byID := make(map[string]mail.UID)
	for _, m := range messages {
		if _, known := v.blobs[m.UID]; known {
			continue
		}
		if at, ok := slices.BinarySearch(v.listing.uids, m.UID); ok {
			id := v.listing.entries[at].id
			byID[id], ids = m.UID, append(ids, id)
		}
	}
	found, err := v.source.byID(ctx, ids, []string{"id", "blobId", "size"})
	for id, e := range found {
		v.blobs[byID[id]] = blob{e.BlobID, e.Size}
	}
	return err
}

// body downloads one message. A blob that is not found is no error if the message is gone.
func (v *view) body(ctx context.Context, uid mail.UID, b blob, read func(mail.UID, io.Reader) error) error {
	body, err := v.source.client.Download(ctx, b.id, b.size)
	if errors.Is(err, jmap.ErrNotFound) {
		at, _ := slices.BinarySearch(v.listing.uids, uid)
		found, errAsk := v.source.byID(ctx, []string{v.listing.entries[at].id}, []string{"id"})
		if errAsk != nil {
			return errAsk
		}
		if len(found) == 0 {
			return nil
		}
		return fmt.Errorf("the server lists the message and does not find its text: %w", err)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	return source.ReadBody(uid, body, read)
}
