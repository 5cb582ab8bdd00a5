package imaprestore

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"

	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.Settler = (*folder)(nil)

// sent is what is compared with the bytes that the server has.
type sent struct {
	bytes      [sha256.Size]byte
	normalized fingerprint.Digest
}

// postpone leaves the check of added messages to Settle, if they can wait: a message without UID
// must be found while it is the newest, and flags and labels that are stored afterwards should not
// be missing for long. If the server alters messages, their bytes are compared while they are at
// hand.
func (f *folder) postpone(added []*item) (postponed bool, err error) {
	if f.alters || slices.ContainsFunc(added, (*item).isUrgent) {
		return false, nil
	}
	for _, it := range added {
		if it.traits.Any() {
			if it.sent, err = it.digest(it.text.CopyTo); err != nil {
				return false, err
			}
		}
	}
	for _, it := range added {
		it.result.Pending = true
		result := *it.result
		it.result, it.postponed = &result, true
	}
	f.unsettled = append(f.unsettled, added...)
	return true, nil
}

func (it *item) isUrgent() bool { return it.uid == 0 || len(it.remaining) > 0 || len(it.Labels) > 0 }

// Settle implements restore.Settler.
func (f *folder) Settle(ctx context.Context) ([]restore.AppendResult, error) {
	items := f.unsettled
	f.unsettled = nil
	err := f.settle(ctx, items)
	results := make([]restore.AppendResult, len(items))
	for i, it := range items {
		results[i] = *it.result
		results[i].Pending = false
	}
	return results, err
}

func (f *folder) settle(ctx context.Context, items []*item) error {
	if err := f.acquire(ctx); err != nil {
		return err
	}
	defer f.release()
	return f.checkLoss(ctx, f.check(ctx, items))
}

// digests returns what was sent, from the archive if the message is not at hand.
func (it *item) digests(ctx context.Context) (*sent, error) {
	switch {
	case it.sent != nil:
		return it.sent, nil
	case it.postponed:
		return it.digest(func(w io.Writer) error { return it.Body.WriteTo(ctx, w) })
	}
	return it.digest(it.text.CopyTo)
}

func (it *item) digest(write func(io.Writer) error) (*sent, error) {
	all := sha256.New()
	prints, err := fingerprint.Of(func(w io.Writer) error { return write(io.MultiWriter(all, w)) })
	return &sent{[sha256.Size]byte(all.Sum(nil)), prints.Normalized}, err
}
