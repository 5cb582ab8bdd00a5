package view

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// showLabel makes a mailbox show the messages with a label of Gmail. They are archived in All Mail,
// and have its UIDs and its UIDVALIDITY: a label mailbox that is not read has none of its own.
func (a *Archive) showLabel(served *Mailbox, contents *archive.Contents, m *manifest.Mailbox, all []*manifest.Mailbox) {
	at := slices.IndexFunc(all, func(m *manifest.Mailbox) bool { return m.Has(`\All`) && !m.Label })
	keys := mail.LabelKeys(&m.Mailbox)
	served.load = func(ctx context.Context) (*List, error) {
		if at < 0 {
			return nil, errNoLabel
		}
		source := all[at]
		whole, err := a.lists.get(listKey(source), func() (*List, error) { return a.load(ctx, contents, source) })
		if err != nil {
			return nil, err
		}
		key := "label " + m.Raw + " " + listKey(source)
		return a.lists.get(key, func() (*List, error) { return whole.labeled(keys), nil })
	}
}

// labeled returns the messages that have one of the labels.
func (l *List) labeled(keys []string) *List {
	has := make([]bool, len(l.sets))
	for i, set := range l.sets {
		has[i] = slices.ContainsFunc(set.Labels, func(label string) bool { return slices.Contains(keys, mail.LabelKey(label)) })
	}
	return l.filter(func(i int) bool { return has[l.rows[i].set] })
}

// filter returns the messages that are wanted. It shares what it can with l.
func (l *List) filter(wanted func(i int) bool) *List {
	some := &List{
		Numbers: l.Numbers, Damage: l.Damage, contents: l.contents, archive: l.archive, pages: l.pages,
		offsets: l.offsets, sets: l.sets, raw: make(map[int]string),
	}
	some.Bytes = 0
	for i := range l.rows {
		if !wanted(i) {
			continue
		}
		if raw, ok := l.raw[i]; ok {
			some.raw[len(some.rows)] = raw
		}
		some.rows = append(some.rows, l.rows[i])
		some.Bytes += l.Size(i)
	}
	some.Messages = int64(len(some.rows))
	return some
}

var errNoLabel = errors.New("the mailbox of all messages is not archived, so those with a label are not known")
