package jmapsource

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
)

// listed are the properties that a listing keeps.
var listed = []string{"id", "mailboxIds", "keywords", "size", "receivedAt"}

// described are those that the record of a message needs, besides.
var described = append([]string{"blobId", "threadId"}, listed...)

const (
	// getTogether is how many messages are described by one answer, if the server allows it.
	getTogether = 1000

	// maxListings is how often the messages are listed until nothing was deleted meanwhile.
	maxListings = 5

	// maxMessages bounds the memory that a server can take: some 150 bytes a message.
	maxMessages = 20_000_000
)

// list lists all messages. state is from before.
func (s *Source) list(ctx context.Context, session *jmap.Session, t *tree, state string) (*snapshot, error) {
	ids, whole, err := s.allIDs(ctx, session, state)
	if err != nil {
		return nil, err
	}
	all, same, err := s.get(ctx, session, ids, state)
	if err != nil {
		return nil, err
	}
	empty := &snapshot{tree: t}
	empty.folders, empty.apart = s.newFolders(t)
	next, err := s.with(ctx, empty, all, nil)
	if err != nil {
		return nil, err
	}
	if next.state = state; !whole {
		next.state = "" // no later change may show what is missing
	}
	return s.settle(ctx, session, next, same)
}

// allIDs lists the ids of all messages, the oldest first. state is from before. whole reports that
// none is missing.
func (s *Source) allIDs(
	ctx context.Context, session *jmap.Session, state string,
) (ids []string, whole bool, err error) {
	seen, total := make(map[string]bool), int64(0)
	for range maxListings {
		whole, total, err = s.pages(ctx, func(id string) {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		})
		if err != nil || whole && int64(len(ids)) >= total {
			return ids, whole, err
		}
		if whole { // some messages were in two pages, so others were in none: the order is not stable
			continue
		}
		// Where messages only arrive, pages repeat some and leave none out. If one was deleted,
		// another may have moved to a page that was read: it is in the next list. A message that is
		// gone meanwhile costs nothing: the server does not describe it.
		var deleted bool
		if deleted, state, err = s.deletedSince(ctx, session, state); err != nil || !deleted {
			return ids, err == nil, err
		}
	}
	if whole {
		return nil, false, fmt.Errorf("%w: the server says that it has %d messages, and lists %d",
			mail.ErrRefused, total, len(ids))
	}
	return ids, false, nil
}

// deletedSince reports whether a message was deleted since a state, or may have been, and the state
// now.
func (s *Source) deletedSince(
	ctx context.Context, session *jmap.Session, state string,
) (deleted bool, now string, err error) {
	for range maxSteps {
		c, err := s.since(ctx, session, state)
		if err != nil || c == nil {
			return true, state, err
		}
		deleted, state = deleted || len(c.destroyed) > 0, c.state
		if !c.more {
			return deleted, state, nil
		}
	}
	return true, state, nil
}

// pages calls take with each id. stable is false if the list changed meanwhile. total is how many
// there are; 0: the server does not say.
func (s *Source) pages(ctx context.Context, take func(id string)) (stable bool, total int64, err error) {
	first := ""
	stable = true
	for at := int64(0); at < maxMessages; {
		var page jmap.Queried
		err := s.client.One(ctx, "Email/query", map[string]any{
			"sort": []any{map[string]any{"property": "receivedAt", "isAscending": true}}, "collapseThreads": false,
			"position": at, "limit": jmap.QueryTogether, "calculateTotal": true,
		}, &page)
		if err == nil && (page.IDs == nil || page.Position != nil && *page.Position != at && len(page.IDs) > 0) {
			err = fmt.Errorf("%w: Email/query: the server does not list messages from the position %d on",
				mail.ErrRefused, at)
		}
		if err != nil {
			return false, 0, err
		}
		if at == 0 {
			first = page.QueryState
		}
		for _, id := range page.IDs {
			take(id)
		}
		at += int64(len(page.IDs))
		stable = stable && page.QueryState == first
		if page.Total != nil {
			total = *page.Total
		}
		switch {
		case page.Total != nil && at >= total, page.Total == nil && len(page.IDs) == 0:
			return stable, total, nil
		case len(page.IDs) == 0:
			return false, 0, fmt.Errorf("%w: the server lists %d of %d messages", mail.ErrTemporary, at, total)
		}
	}
	return false, 0, fmt.Errorf("%w: the server lists more than %d messages", mail.ErrFlood, maxMessages)
}

// get describes messages. Those that are gone are left out. same reports whether all answers are of
// one state.
func (s *Source) get(
	ctx context.Context, session *jmap.Session, ids []string, state string,
) (all map[string]*entry, same bool, err error) {
	all, same = make(map[string]*entry, len(ids)), true
	var mu sync.Mutex
	var flags flagSets
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(session.Limits.Requests)
	for _, part := range parts(session, ids) {
		group.Go(func() error {
			got, err := s.describe(ctx, part, listed)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			same = same && got.State == state
			for i := range got.List {
				e := &got.List[i]
				all[e.ID] = flags.entry(e)
			}
			return nil
		})
	}
	return all, same, group.Wait()
}

// describe asks for properties of messages. Each one is in the list or in notFound, or the answer
// is an error: a message that a server forgets to mention must not look deleted.
func (s *Source) describe(ctx context.Context, ids, properties []string) (*jmap.Got[jmap.Email], error) {
	got := new(jmap.Got[jmap.Email])
	if err := s.client.One(ctx, "Email/get", map[string]any{"ids": ids, "properties": properties}, got); err != nil {
		return nil, err
	}
	return got, complete(got, ids)
}

// complete returns an error if an answer does not mention each message.
func complete(got *jmap.Got[jmap.Email], ids []string) error {
	mentioned := make(map[string]bool, len(ids))
	for i := range got.List {
		mentioned[got.List[i].ID] = true
	}
	for _, id := range got.NotFound {
		mentioned[id] = true
	}
	for _, id := range ids {
		if !mentioned[id] {
			return fmt.Errorf("%w: Email/get: the server neither describes message %.40q nor says that it is gone",
				mail.ErrTemporary, id)
		}
	}
	return nil
}

// parts splits ids into as many as one request takes.
func parts(session *jmap.Session, ids []string) (list [][]string) {
	most, size := min(session.Limits.Get, getTogether), int64(0)
	from := 0
	for at, id := range ids {
		size += int64(len(id)) + 8
		if at-from >= most || size > session.Limits.Request/2 && at > from {
			list, from, size = append(list, ids[from:at]), at, int64(len(id))+8
		}
	}
	if from < len(ids) {
		list = append(list, ids[from:])
	}
	return list
}

// flagSets has each set of flags, and of mailboxes, once: accounts have few.
type flagSets struct {
	flags map[string]mail.Flags
	boxes map[string][]string
}

// entry returns what a listing keeps of a message.
func (f *flagSets) entry(e *jmap.Email) *entry {
	if f.flags == nil {
		f.flags, f.boxes = make(map[string]mail.Flags), make(map[string][]string)
	}
	flags := jmap.Flags(e.Keywords)
	key := strings.Join(flags, "\x00")
	if known, ok := f.flags[key]; ok {
		flags = known
	} else {
		f.flags[key] = flags
	}
	boxes := []string(e.Mailboxes)
	slices.Sort(boxes)
	key = strings.Join(boxes, "\x00")
	if known, ok := f.boxes[key]; ok {
		boxes = known
	} else {
		f.boxes[key] = boxes
	}
	return &entry{e.ID, &attributes{size: e.Size, date: jmap.ParseDate(e.ReceivedAt), flags: flags, boxes: boxes}}
}
