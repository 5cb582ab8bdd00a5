package jmaprestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
)

// existing is the messages of the account.
type existing struct {
	bySize map[int64][]*email
	byID   map[string]*email
	byHash map[chunk.ID][]*email // of those that were read or added
}

// email is a message of the account.
type email struct {
	id, blob string
	size     int64
	date     int64 // seconds
	keywords jmap.Set
	boxes    []string
	read     bool // its hash is known, or cannot be
}

// maxExisting is how many messages are held for comparing, some 300 bytes each.
const maxExisting = 1_500_000

// listTogether is how many messages are described by one answer, if the server allows it.
const listTogether = 500

// comparable are the properties that are compared.
var comparable = []string{"id", "blobId", "size", "receivedAt", "keywords", "mailboxIds"}

// load lists the messages of the account, once.
func (t *Target) load(ctx context.Context) (*existing, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.existing != nil {
		return t.existing, nil
	}
	x := &existing{bySize: make(map[int64][]*email), byID: make(map[string]*email), byHash: make(map[chunk.ID][]*email)}
	ids, err := t.ids(ctx, nil)
	if err != nil {
		return nil, err
	}
	if len(ids) > maxExisting {
		return nil, fmt.Errorf("the account has more than %d messages, and no more are compared", maxExisting)
	}
	list, err := t.describe(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		x.add(e)
	}
	t.existing = x
	return x, nil
}

func (x *existing) add(e *email) {
	if x.byID[e.id] == nil {
		x.byID[e.id] = e
		x.bySize[e.size] = append(x.bySize[e.size], e)
	}
}

// ids lists the ids of messages, of a filter or all. A message that moves in the list meanwhile can
// be missing; then the server has it once more after the restore, at the worst.
func (t *Target) ids(ctx context.Context, filter map[string]any) (ids []string, err error) {
	seen := make(map[string]bool)
	for at := int64(0); ; {
		var page jmap.Queried
		args := map[string]any{
			"sort":            []any{map[string]any{"property": "receivedAt", "isAscending": true}},
			"collapseThreads": false, "position": at, "limit": jmap.QueryTogether, "calculateTotal": true,
		}
		if filter != nil {
			args["filter"] = filter
		}
		if err := t.one(ctx, "Email/query", args, &page); err != nil {
			return nil, err
		}
		for _, id := range page.IDs {
			if !seen[id] {
				seen[id], ids = true, append(ids, id)
			}
		}
		at += int64(len(page.IDs))
		if len(page.IDs) == 0 || page.Total != nil && at >= *page.Total || at > 2*maxExisting {
			return ids, nil
		}
	}
}

func (t *Target) session(ctx context.Context) (session *jmap.Session, err error) {
	err = t.retry(ctx, func() error {
		session, err = t.client.Session(ctx)
		return err
	})
	return session, err
}

// describe describes messages. Those that are gone are left out.
func (t *Target) describe(ctx context.Context, ids []string) (list []*email, err error) {
	session, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(session.Limits.Requests)
	for part := range slices.Chunk(ids, min(session.Limits.Get, listTogether)) {
		group.Go(func() error {
			var got jmap.Got[jmap.Email]
			if err := t.one(ctx, "Email/get", map[string]any{"ids": part, "properties": comparable}, &got); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range got.List {
				e := &got.List[i]
				list = append(list, &email{
					id: e.ID, blob: e.BlobID, size: e.Size, date: jmap.ParseDate(e.ReceivedAt).Seconds, keywords: e.Keywords, boxes: e.Mailboxes,
				})
			}
			return nil
		})
	}
	return list, group.Wait()
}

// readAll reads messages whose hashes are not known, several at a time.
func (t *Target) readAll(ctx context.Context, x *existing, list []*email) error {
	session, err := t.session(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(session.Limits.Requests)
	for _, e := range list {
		if t.isRead(e) {
			continue
		}
		group.Go(func() error {
			hash, err := t.hashOf(ctx, e)
			if err != nil && !errors.Is(err, mail.ErrRefused) {
				return err
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			if e.read = true; err == nil { // what cannot be read is equal to nothing
				x.byHash[hash] = append(x.byHash[hash], e)
			}
			return nil
		})
	}
	return group.Wait()
}

func (t *Target) isRead(e *email) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return e.read
}

// hashOf downloads a message and returns its hash.
func (t *Target) hashOf(ctx context.Context, e *email) (hash chunk.ID, err error) {
	err = t.retry(ctx, func() error {
		body, err := t.client.Download(ctx, e.blob, e.size)
		if err != nil {
			return err
		}
		defer body.Close()
		hasher := t.hasher()
		if _, err := io.Copy(hasher, body); err != nil {
			return err
		}
		hash = hasher.Sum()
		return nil
	})
	return hash, err
}

// isIn reports whether a message is in a mailbox.
func (e *email) isIn(box string) bool { return slices.Contains(e.boxes, box) }

// equalKeywords reports whether two sets are equal.
func equalKeywords(a, b jmap.Set) bool {
	if len(a) != len(b) {
		return false
	}
	for _, k := range a {
		if !slices.Contains(b, k) {
			return false
		}
	}
	return true
}
