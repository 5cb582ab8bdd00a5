package browse

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/internal/picker"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// browser makes the lists of a repository. All read through one reader.
type browser struct {
	repo   *repo.Repo
	reader *archive.Reader
	latest []*archive.Contents // the newest complete manifest of each account
}

// nightItem, mailboxItem and messageItem are what can be marked.
type nightItem struct{ head repo.Head }

type mailboxItem struct {
	head repo.Head
	name string
}

type messageItem struct {
	head repo.Head
	name string
	uid  uint32
}

// headOf returns the manifest that an item is of.
func headOf(item any) repo.Head {
	switch item := item.(type) {
	case nightItem:
		return item.head
	case mailboxItem:
		return item.head
	case messageItem:
		return item.head
	}
	return repo.Head{}
}

// accounts returns the list of accounts.
func (b *browser) accounts() *picker.List {
	return &picker.List{
		Title: "Accounts",
		Columns: []picker.Column{
			{Heading: "LATEST BACKUP", Width: 16}, {Heading: "MESSAGES", Width: 11, Right: true},
			{Heading: "ACCOUNT"},
		},
		Len: func() int { return len(b.latest) },
		Load: func(_ context.Context, from, n int) (rows []picker.Row, err error) {
			for _, c := range b.latest[from:min(from+n, len(b.latest))] {
				rows = append(rows, picker.Row{Cells: []string{ui.Time(c.Head.Time),
					ui.Count(c.Manifest.Totals.Messages), c.Manifest.Account}})
			}
			return rows, nil
		},
		Open: func(ctx context.Context, at int) (*picker.List, error) {
			return b.nights(ctx, b.latest[at].Manifest.Account)
		},
	}
}

// nights returns the list of the manifests of an account, the newest first. It reads those that are
// shown.
func (b *browser) nights(ctx context.Context, account string) (*picker.List, error) {
	var heads []repo.Head
	for head, err := range b.repo.AccountManifests(ctx, account) {
		if err != nil {
			return nil, err
		}
		if head.Committed() {
			heads = append(heads, head)
		}
	}
	slices.SortStableFunc(heads, func(a, b repo.Head) int { return b.Time.Compare(a.Time) })
	return &picker.List{
		Title: account,
		Columns: []picker.Column{
			{Heading: "BACKUP", Width: 16}, {Heading: "ID", Width: 8}, {Heading: "MESSAGES", Width: 11, Right: true},
			{Heading: "SIZE", Width: 8, Right: true}, {Heading: "REMARKS"},
		},
		Len: func() int { return len(heads) },
		Load: func(ctx context.Context, from, n int) (rows []picker.Row, err error) {
			for row, err := range inorder.Map(ctx, nightsAhead, inorder.Slice(heads[from:min(from+n, len(heads))]), b.nightRow) {
				if err != nil {
					return nil, err
				}
				rows = append(rows, row)
			}
			return rows, nil
		},
		Open: func(ctx context.Context, at int) (*picker.List, error) {
			contents, err := b.reader.Open(ctx, heads[at])
			if err != nil {
				return nil, err
			}
			return b.mailboxes(ctx, contents)
		},
		Find: func(words string) *picker.List {
			return b.found(words, func(ctx context.Context) iter.Seq2[*search.Hit, error] {
				return search.FindAll(ctx, b.repo, account, queryOf(words), nil)
			})
		},
	}, nil
}

// nightsAhead is how many manifests are read at once.
const nightsAhead = 16

// nightRow returns the row of a manifest.
func (b *browser) nightRow(ctx context.Context, head repo.Head) (picker.Row, error) {
	row := picker.Row{Cells: []string{ui.Time(head.Time), summary.ShortID(head), "", "", ""}}
	m, err := archive.ReadManifest(ctx, b.repo, head)
	switch {
	case err != nil && ctx.Err() == nil && archive.IsDamage(err):
		row.Cells[4] = err.Error()
		return row, nil
	case err != nil:
		return row, err
	}
	row.Key, row.Item = "night "+head.Name, nightItem{head}
	row.Cells[2], row.Cells[3] = ui.Count(m.Totals.Messages), ui.Size(m.Totals.Bytes)
	var remarks []string
	if m.State != manifest.Complete {
		remarks = append(remarks, "not complete")
	}
	if m.Totals.Failures > 0 {
		remarks = append(remarks, ui.Plural(m.Totals.Failures, "failure"))
	}
	row.Cells[4] = strings.Join(append(remarks, m.Alarm...), "; ")
	return row, nil
}

// mailboxes returns the list of the mailboxes of a manifest.
func (b *browser) mailboxes(ctx context.Context, c *archive.Contents) (*picker.List, error) {
	var all []*manifest.Mailbox
	unread := 0
	for mailbox, err := range c.Mailboxes(ctx) {
		switch {
		case err == nil:
			all = append(all, mailbox)
		case ctx.Err() == nil && archive.IsDamage(err):
			unread++
		default:
			return nil, err
		}
	}
	title := ui.Time(c.Head.Time)
	if unread > 0 {
		title += fmt.Sprintf(" (%s cannot be read)", ui.Plural(unread, "table"))
	}
	return &picker.List{
		Title: title,
		Columns: []picker.Column{
			{Heading: "MESSAGES", Width: 11, Right: true}, {Heading: "SIZE", Width: 8, Right: true},
			{Heading: "MAILBOX"},
		},
		Len: func() int { return len(all) },
		Load: func(_ context.Context, from, n int) (rows []picker.Row, err error) {
			for _, m := range all[from:min(from+n, len(all))] {
				row := picker.Row{
					Cells: []string{ui.Count(m.Messages), ui.Size(m.Bytes), m.Name},
					Key:   "mailbox " + c.Head.Name + " " + m.Raw, Item: mailboxItem{c.Head, m.Name},
				}
				if !m.Selectable() || m.Label {
					row.Cells[0], row.Cells[1] = "", ""
				}
				rows = append(rows, row)
			}
			return rows, nil
		},
		Open: func(_ context.Context, at int) (*picker.List, error) {
			m := all[at]
			switch {
			case m.Label:
				return b.found("label "+m.Name, findIn(c, search.Query{Labels: []string{m.Name}})), nil
			case !m.Selectable():
				return nil, fmt.Errorf("%s holds no messages", ui.Quote(m.Name))
			}
			return b.messages(c, m), nil
		},
		Find: func(words string) *picker.List {
			return b.found(words, findIn(c, queryOf(words)))
		},
	}, nil
}
