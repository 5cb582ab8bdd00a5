package jmaprestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// item is a message that Append adds.
type item struct {
	*restore.Message
	result   *restore.AppendResult
	keywords jmap.Set
	date     string // UTCDate; "": the server chooses
	blob     string
	uploads  int // how often it was uploaded
}

func (it *item) changed(format string, args ...any) {
	it.result.Changed = append(it.result.Changed, fmt.Sprintf(format, args...))
}

// Append implements restore.Folder.
func (f *folder) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	results := make([]restore.AppendResult, len(messages))
	x, err := f.t.load(ctx)
	if err != nil {
		return results, err
	}
	var items []*item
	for i := range messages {
		it := newItem(&messages[i], &results[i])
		e := f.elsewhere(x, it)
		if e == nil {
			items = append(items, it)
			continue
		}
		if err := f.put(ctx, it, e); err != nil && !f.refuse(it, err) {
			return results, err
		}
	}
	if err := f.upload(ctx, items); err != nil {
		return results, err
	}
	return results, f.importAll(ctx, x, items)
}

// newItem decides which keywords and which date a message gets.
func newItem(m *restore.Message, result *restore.AppendResult) *item {
	it := &item{Message: m, result: result}
	keywords, left := jmap.Keywords(m.Flags)
	for _, flag := range left {
		if strings.HasPrefix(flag, `\`) {
			it.result.FlagsLost = true
			it.changed("flag %s left out", flag)
		} else {
			it.changed("keyword %s left out", flag)
		}
	}
	it.keywords = keywords
	if it.date = jmap.FormatDate(m.Internal); it.date == "" && !m.Internal.IsZero() {
		it.changed("date %s left out", m.Internal)
	}
	return it
}

// refuse records why a message is not added. It reports whether the restore can go on.
func (f *folder) refuse(it *item, err error) bool {
	if errors.Is(err, jmap.ErrOverQuota) || !errors.Is(err, mail.ErrRefused) {
		return false
	}
	it.result.Refused = err
	return true
}

// elsewhere returns a message of the account that equals a wanted one and is in other mailboxes
// only, or nil.
func (f *folder) elsewhere(x *existing, it *item) *email {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	for _, e := range x.byHash[it.Hash] {
		if !e.isIn(f.box) && e.date == it.Internal.Seconds && equalKeywords(e.keywords, it.keywords) {
			return e
		}
	}
	return nil
}

// inMailbox is the property that says whether a message is in a mailbox, for a PatchObject (RFC
// 8620 section 5.3).
func inMailbox(id string) string {
	return "mailboxIds/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(id)
}

// put puts a message of the account into the mailbox.
func (f *folder) put(ctx context.Context, it *item, e *email) error {
	err := f.t.retry(ctx, func() error {
		var result jmap.SetResult
		args := map[string]any{"update": map[string]any{e.id: map[string]any{inMailbox(f.box): true}}}
		if err := f.t.client.One(ctx, "Email/set", args, &result); err != nil {
			return err
		}
		if refusal := result.NotUpdated[e.id]; refusal != nil {
			refusal.Call = "Email/set"
			return refusal
		}
		if _, done := result.Updated[e.id]; !done {
			return fmt.Errorf("%w: Email/set: the server neither changed the message nor says why", mail.ErrRefused)
		}
		return nil
	})
	if err != nil {
		return err
	}
	it.result.Added = true
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	e.boxes = append(e.boxes, f.box)
	f.used[e.id] = true
	return nil
}

// upload uploads messages, several at a time.
func (f *folder) upload(ctx context.Context, items []*item) error {
	session, err := f.t.session(ctx)
	if err != nil {
		return err
	}
	// Cyrus makes the place for uploads of an account at the first one, and answers 404 to others
	// at the same time.
	if !f.t.uploaded && len(items) > 0 {
		if err := f.uploadOne(ctx, session, items[0]); err != nil && !f.refuse(items[0], err) {
			return err
		}
		f.t.uploaded, items = true, items[1:]
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(session.Limits.Uploads)
	for _, it := range items {
		group.Go(func() error {
			if err := f.uploadOne(ctx, session, it); err != nil && !f.refuse(it, err) {
				return err
			}
			return nil
		})
	}
	return group.Wait()
}

func (f *folder) uploadOne(ctx context.Context, session *jmap.Session, it *item) error {
	if it.Size > session.Limits.Upload {
		return fmt.Errorf("%w: it has %d bytes, and the server takes no more than %d",
			mail.ErrRefused, it.Size, session.Limits.Upload)
	}
	it.uploads++
	again := 2 // another client may upload for the first time
	return f.t.retry(ctx, func() error {
		var unread error
		blob, err := f.t.client.Upload(ctx, it.Size, func(w io.Writer) error {
			to := &writer{w: w}
			err := it.Body.WriteTo(ctx, to)
			if err != nil && to.err == nil {
				unread = err
			}
			return err
		})
		if unread != nil && ctx.Err() == nil {
			it.result.Refused = unread // the archive is damaged, and the restore says so
			return nil
		}
		it.blob = blob
		if again--; errors.Is(err, jmap.ErrNotFound) && again >= 0 {
			err = fmt.Errorf("%w (%w)", err, mail.ErrTemporary)
		}
		return err
	})
}

// writer keeps the error of an upload.
type writer struct {
	w   io.Writer
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// importAll imports uploaded messages, as many at a time as the server takes.
func (f *folder) importAll(ctx context.Context, x *existing, items []*item) error {
	session, err := f.t.session(ctx)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.result.Refused != nil })
	for part := range slices.Chunk(items, session.Limits.Set) {
		for attempt := 1; len(part) > 0; attempt++ {
			left, cause, err := f.importSome(ctx, x, part)
			if err != nil {
				return err
			}
			if len(left) == 0 {
				break
			}
			if attempt == maxAttempts {
				return cause
			}
			if err := f.t.pause(ctx, attempt, cause); err != nil {
				return err
			}
			part = left
		}
	}
	return nil
}

// importSome imports messages. It returns those to try again, and why. If the answer is lost, it
// looks for what was added.
func (f *folder) importSome(ctx context.Context, x *existing, items []*item) (left []*item, cause, err error) {
	emails := make(map[string]any, len(items))
	for i, it := range items {
		object := map[string]any{"blobId": it.blob, "mailboxIds": jmap.Set{f.box}, "keywords": it.keywords}
		if it.date != "" {
			object["receivedAt"] = it.date
		}
		emails[fmt.Sprint("m", i)] = object
	}
	var result jmap.SetResult
	err = f.t.client.One(ctx, "Email/import", map[string]any{"emails": emails}, &result)
	switch {
	case err == nil:
	case ctx.Err() == nil && errors.Is(err, mail.ErrTemporary):
		left, errFind := f.findAdded(ctx, x, items)
		return left, err, errFind
	default:
		return nil, nil, err
	}
	for i, it := range items {
		key := fmt.Sprint("m", i)
		if made, ok := result.Created[key]; ok && made.ID != "" {
			f.added(x, it, &email{id: made.ID, blob: it.blob, size: cmp.Or(made.Size, it.Size)})
			continue
		}
		refusal := result.NotCreated[key]
		if refusal == nil {
			refusal = &jmap.Error{Type: "no answer", Description: "the server neither added the message nor says why"}
		}
		refusal.Call = "Email/import"
		again, err := f.refused(ctx, x, it, refusal)
		if err != nil {
			return nil, nil, err
		}
		if again {
			left, cause = append(left, it), refusal
		}
	}
	return left, cause, nil
}

// added records that a message was added.
func (f *folder) added(x *existing, it *item, e *email) {
	it.result.Added = true
	it.result.Altered = e.size != it.Size
	e.date, e.keywords, e.boxes, e.read = it.Internal.Seconds, it.keywords, []string{f.box}, true
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	x.add(e)
	if !it.result.Altered {
		x.byHash[it.Hash] = append(x.byHash[it.Hash], e)
	}
	f.used[e.id] = true
}

// refused deals with a message that the server did not import. again says to try once more.
func (f *folder) refused(ctx context.Context, x *existing, it *item, refusal *jmap.Error) (again bool, err error) {
	switch {
	case refusal.Type == jmap.AlreadyExists && refusal.ExistingID != "":
		return false, f.join(ctx, x, it, refusal)
	case refusal.Is(jmap.ErrOverQuota):
		return false, refusal
	case refusal.Is(mail.ErrTemporary):
		return true, nil
	case refusal.Type == jmap.BlobNotFound && it.uploads < 2:
		err := f.upload(ctx, []*item{it})
		return err == nil && it.result.Refused == nil, err
	case isAboutKeywords(refusal) && len(it.keywords) > 0:
		left := slices.DeleteFunc(slices.Clone(it.keywords), func(k string) bool { return !strings.HasPrefix(k, "$") })
		if len(left) == len(it.keywords) {
			left = nil
			it.result.FlagsLost = true
		}
		it.changed("keywords left out: %v", refusal)
		it.keywords = left
		return true, nil
	}
	it.result.Refused = refusal
	return false, nil
}

// isAboutKeywords reports whether a server would take a message with fewer keywords.
func isAboutKeywords(e *jmap.Error) bool {
	return e.Type == jmap.TooManyKeywords || e.Type == jmap.InvalidProperties &&
		slices.ContainsFunc(e.Properties, func(p string) bool { return strings.HasPrefix(p, "keywords") })
}

// join puts the message that a server has, and of which it keeps no second copy, into the mailbox.
func (f *folder) join(ctx context.Context, x *existing, it *item, refusal *jmap.Error) error {
	list, err := f.t.describe(ctx, []string{refusal.ExistingID})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		it.result.Refused = refusal
		return nil
	}
	e := list[0]
	f.t.mu.Lock()
	if known := x.byID[e.id]; known != nil {
		known.boxes, known.keywords, e = e.boxes, e.keywords, known
	} else {
		x.add(e)
	}
	there := e.isIn(f.box)
	if !e.read {
		e.read = true
		x.byHash[it.Hash] = append(x.byHash[it.Hash], e)
	}
	f.used[e.id] = true
	f.t.mu.Unlock()
	if !equalKeywords(e.keywords, it.keywords) || e.date != it.Internal.Seconds {
		it.changed("the server keeps one copy of equal messages, with the keywords and the date of the one that it had")
	}
	if there {
		return nil
	}
	if err := f.put(ctx, it, e); err != nil && !f.refuse(it, err) {
		return err
	}
	return nil
}
