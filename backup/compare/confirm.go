package compare

import (
	"context"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// enough is how many matching messages prove that a mailbox is the archived one, even if most of
// the others are gone.
const enough = 16

// Confirm reports whether the messages of a mailbox are those of old, which was recorded under
// another name. No message may have another size, date or id, as far as the server gives these, and
// at least half of the messages, or enough of them, must exist. If all is true, because the
// UIDVALIDITY proves little, all must exist. Confirm downloads nothing.
func Confirm(
	ctx context.Context, session *source.Session, old *manifest.Mailbox, all bool, catalog Catalog,
) (bool, error) {
	next := mail.UID(1)
	var agree, count int64
	for entries, err := range batches(old, catalog) {
		if err != nil {
			return false, err
		}
		span := mail.UIDRange{First: next, Last: entries[len(entries)-1].UID}
		next = span.Last + 1
		found, differ, err := confirmRange(ctx, session, entries, span)
		if err != nil || differ {
			return false, err
		}
		agree, count = agree+found, count+int64(len(entries))
	}
	if all {
		return agree == count, nil
	}
	return agree >= min(enough, (count+1)/2), nil
}

// confirmRange counts the recorded messages of a range of UIDs that exist, and reports whether any
// of them differs.
func confirmRange(
	ctx context.Context, session *source.Session, entries []manifest.Entry, span mail.UIDRange,
) (agree int64, differ bool, err error) {
	recorded := make(map[mail.UID]*manifest.Record, len(entries))
	for i := range entries {
		recorded[entries[i].UID] = &entries[i].Record
	}
	err = session.Ask(ctx, func(view source.View) error {
		agree, differ = 0, false
		for message, err := range view.Messages(ctx, span) {
			if err != nil {
				return err
			}
			was := recorded[message.UID]
			switch {
			case was == nil:
			case agrees(message, was):
				agree++
			default:
				differ = true
			}
		}
		return nil
	})
	return agree, differ, err
}

// agrees reports whether what the server gives for a message agrees with its record.
func agrees(now mail.Message, was *manifest.Record) bool {
	return (now.Size < 0 || now.Size == was.ServerSize()) && now.IDs == was.IDs &&
		(now.Lacks&mail.LacksDate != 0 || now.Internal == was.Internal)
}
