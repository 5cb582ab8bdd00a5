package jmaprestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// plan is where archived mailboxes go.
type plan struct {
	byPath map[string]string // ids of existing mailboxes, by their paths
	byRole map[string]string
	wanted []wantedBox
	notes  []string
}

// wantedBox is an archived mailbox.
type wantedBox struct {
	*mail.Mailbox
	path   []string
	id     string // in the target; "": to be made
	reason string // why it cannot be made
}

// pathKey is a path as a key. A name has no NUL.
func pathKey(path []string) string { return strings.Join(path, "\x00") }

// Preview implements restore.Previewer.
func (t *Target) Preview(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	p, err := t.plan(ctx, mailboxes)
	if err != nil {
		return nil, err
	}
	return p.places(), nil
}

// Prepare implements restore.Target. The name of a place is the id of the mailbox.
func (t *Target) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	p, err := t.plan(ctx, mailboxes)
	if err == nil {
		err = t.create(ctx, p)
	}
	if err != nil {
		return nil, nil, err
	}
	return p.places(), p.notes, nil
}

func (p *plan) places() []restore.Place {
	places := make([]restore.Place, len(p.wanted))
	for i, w := range p.wanted {
		places[i] = restore.Place{Mailbox: w.Name, Name: w.id, Skip: w.reason != ""}
		if w.reason != "" {
			places[i].Reason = errors.New(w.reason)
		}
	}
	return places
}

// plan finds the mailboxes that exist: by their paths, or else by their roles, which no two
// mailboxes of an account have.
func (t *Target) plan(ctx context.Context, mailboxes []mail.Mailbox) (*plan, error) {
	existing, err := t.mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	p := &plan{
		byPath: make(map[string]string), byRole: make(map[string]string),
		wanted: make([]wantedBox, len(mailboxes)),
	}
	p.addExisting(existing)
	taken := make(map[string]string)
	take := func(w *wantedBox, id string) error {
		if other, twice := taken[id]; twice {
			return errBecomeOne(other, w.Name)
		}
		w.id, taken[id] = id, w.Name
		return nil
	}
	paths := make(map[string]string)
	for i := range mailboxes {
		w := wantedBox{Mailbox: &mailboxes[i], path: pathOf(&mailboxes[i])}
		p.wanted[i] = w
		key := pathKey(w.path)
		if other, twice := paths[key]; twice {
			return nil, errBecomeOne(other, w.Name)
		}
		paths[key] = w.Name
		if id := p.byPath[key]; id != "" {
			if err := take(&p.wanted[i], id); err != nil {
				return nil, err
			}
		}
	}
	for i := range p.wanted {
		w := &p.wanted[i]
		id := p.byRole[jmap.RoleOf(w.Mailbox)]
		if _, isTaken := taken[id]; w.id == "" && id != "" && !isTaken {
			if err := take(w, id); err != nil {
				return nil, err
			}
			p.byPath[pathKey(w.path)] = id
		}
	}
	return p, nil
}

func errBecomeOne(a, b string) error {
	return fmt.Errorf("mailboxes %q and %q would be one in the target; restore one of them elsewhere (--prefix)", a, b)
}

// mailboxes lists the mailboxes of the target.
func (t *Target) mailboxes(ctx context.Context) ([]jmap.Mailbox, error) {
	var got jmap.Got[jmap.Mailbox]
	err := t.one(ctx, "Mailbox/get", map[string]any{"ids": nil, "properties": jmap.MailboxProperties}, &got)
	return got.List, err
}

// pathOf returns the levels of a mailbox as JMAP can name them.
func pathOf(m *mail.Mailbox) (path []string) {
	for i, level := range m.Path() {
		level = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '_'
			}
			return r
		}, strings.ToValidUTF8(level, "_"))
		if level == "" {
			continue
		}
		if i == 0 && strings.EqualFold(level, "INBOX") {
			level = "INBOX"
		}
		path = append(path, level)
	}
	if len(path) == 0 {
		path = []string{"_"}
	}
	return path
}

// addExisting adds the mailboxes that the target has. Inbox is INBOX, as in the archive.
func (p *plan) addExisting(list []jmap.Mailbox) {
	all := paths(list)
	for i := range list {
		m := &list[i]
		if m.Role != "" {
			p.byRole[m.Role] = m.ID
		}
		if key := pathKey(all[m.ID]); p.byPath[key] == "" || m.Role == "inbox" {
			p.byPath[key] = m.ID
		}
	}
}

// paths returns the levels of mailboxes, by id.
func paths(list []jmap.Mailbox) map[string][]string {
	byID, all := make(map[string]*jmap.Mailbox, len(list)), make(map[string][]string, len(list))
	for i := range list {
		byID[list[i].ID] = &list[i]
	}
	for i := range list {
		var path []string
		seen := make(map[string]bool)
		for at := &list[i]; at != nil && !seen[at.ID]; at = byID[at.ParentID] {
			seen[at.ID] = true
			name := at.Name
			if at.Role == "inbox" {
				name = "INBOX"
			}
			path = append(path, name)
		}
		slices.Reverse(path)
		all[list[i].ID] = path
	}
	return all
}

// create makes the missing mailboxes, one level after the other, those of a level with one request.
func (t *Target) create(ctx context.Context, p *plan) error {
	failed := make(map[string]string) // reasons, by path
	for depth := 1; ; depth++ {
		level := p.level(depth, failed)
		if level == nil {
			break
		}
		if err := t.createLevel(ctx, p, level, failed); err != nil {
			return err
		}
	}
	for i := range p.wanted {
		w := &p.wanted[i]
		key := pathKey(w.path)
		if w.id != "" {
			continue
		}
		if w.id, w.reason = p.byPath[key], failed[key]; w.reason != "" {
			p.notes = append(p.notes, fmt.Sprintf("mailbox %q cannot be made: %s", w.Name, w.reason))
		}
	}
	return nil
}

// level returns the mailboxes to make at a depth, by path, as objects of JMAP. It is nil if nothing
// is that deep.
func (p *plan) level(depth int, failed map[string]string) (level map[string]map[string]any) {
	for i := range p.wanted {
		w := &p.wanted[i]
		if w.id != "" || len(w.path) < depth {
			continue
		}
		if level == nil {
			level = make(map[string]map[string]any)
		}
		key, parent := pathKey(w.path[:depth]), pathKey(w.path[:depth-1])
		if failed[key] == "" && failed[parent] != "" {
			failed[key] = failed[parent]
		}
		if p.byPath[key] != "" || failed[key] != "" {
			continue
		}
		object := level[key]
		if object == nil {
			object = map[string]any{"name": w.path[depth-1], "isSubscribed": true}
			level[key] = object
		}
		if depth > 1 {
			object["parentId"] = p.byPath[parent]
		}
		if depth == len(w.path) {
			object["isSubscribed"] = w.Subscribed
			if role := jmap.RoleOf(w.Mailbox); role != "" && role != "all" && p.byRole[role] == "" {
				object["role"], p.byRole[role] = role, key // no other mailbox gets it
			}
		}
	}
	return level
}

// createLevel makes mailboxes. A role that the target refuses is left out.
func (t *Target) createLevel(
	ctx context.Context, p *plan, level map[string]map[string]any, failed map[string]string,
) error {
	session, err := t.session(ctx)
	if err != nil {
		return err
	}
	left := slices.Sorted(maps.Keys(level))
	for len(left) > 0 {
		some := left[:min(len(left), session.Limits.Set)]
		left = left[len(some):]
		made, refused, err := t.createSome(ctx, some, level)
		if err != nil {
			return err
		}
		for _, key := range some {
			reason := refused[key]
			switch role := level[key]["role"]; {
			case reason == nil:
				p.byPath[key] = made[key]
			case role != nil:
				p.notes = append(p.notes,
					fmt.Sprintf("mailbox %q is made without the role %q: %v", level[key]["name"], role, reason))
				delete(level[key], "role")
				left = append(left, key)
			default:
				failed[key] = reason.Error()
			}
		}
	}
	return nil
}

// createSome makes mailboxes with one request. It returns their ids, or why there are none. A
// mailbox that exists because the answer to an earlier attempt was lost counts as made.
func (t *Target) createSome(
	ctx context.Context, keys []string, level map[string]map[string]any,
) (made map[string]string, refused map[string]*jmap.Error, err error) {
	made, refused = make(map[string]string), make(map[string]*jmap.Error)
	err = t.retry(ctx, func() error {
		create := make(map[string]any)
		for i, key := range keys {
			if made[key] == "" {
				create[fmt.Sprint("m", i)] = level[key]
			}
		}
		var result jmap.SetResult
		if err := t.client.One(ctx, "Mailbox/set", map[string]any{"create": create}, &result); err != nil {
			return err
		}
		var passes error
		for i, key := range keys {
			id, e := result.Created[fmt.Sprint("m", i)].ID, result.NotCreated[fmt.Sprint("m", i)]
			switch {
			case made[key] != "":
			case e == nil && id == "":
				refused[key] = &jmap.Error{
					Call: "Mailbox/set", Type: "no answer",
					Description: "the server neither made the mailbox nor says why",
				}
			case e == nil:
				made[key] = id
			case e.Type == jmap.AlreadyExists && e.ExistingID != "":
				made[key] = e.ExistingID
			default:
				e.Call = "Mailbox/set"
				if refused[key] = e; e.Is(mail.ErrTemporary) {
					passes = e
				}
			}
		}
		return passes
	})
	return made, refused, err
}
