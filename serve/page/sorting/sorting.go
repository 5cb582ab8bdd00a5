// Package sorting sorts the messages of a list, by what their records or their headers have.
package sorting

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/serve/view"
)

// The orders of messages in a list. A minus before the name inverts an order.
const (
	ByDate    = "date"
	BySize    = "size"
	ByFrom    = "from"
	ByTo      = "to" // in place of ByFrom, where mail is that was sent
	BySubject = "subject"
)

// Usual has the order of each field when it is chosen first.
var Usual = map[string]string{ByDate: "-date", BySize: "-size", ByFrom: "from", BySubject: "subject"}

const (
	// MaxByHeader is the largest number of messages that are sorted by what their headers have: all
	// must be read for it.
	MaxByHeader = 250_000
	// keySize is how many bytes of a field decide.
	keySize = 40
	// maxOrders is how many orders are kept, and maxOrdered is of how many messages, at 4 bytes
	// each.
	maxOrders  = 16
	maxOrdered = 2 << 20
)

// Cache keeps the last orders of lists: somebody who turns pages needs one again and again.
type Cache struct {
	mu   sync.Mutex
	kept []keptOrder // the newest last
}

type keptOrder struct {
	list    weak.Pointer[view.List] // so that it does not stay in memory for its order
	name    string
	indexes []int32
}

// Indexes returns the indexes of the messages of a list in an order, which must not be changed.
func (c *Cache) Indexes(ctx context.Context, l *view.List, name string) ([]int32, error) {
	c.mu.Lock()
	key := weak.Make(l)
	for _, k := range c.kept {
		if k.list == key && k.name == name {
			c.mu.Unlock()
			return k.indexes, nil
		}
	}
	c.mu.Unlock()
	indexes, err := sorted(ctx, l, name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, keptOrder{key, name, indexes})
	sum := 0
	for _, k := range c.kept {
		sum += len(k.indexes)
	}
	for len(c.kept) > 1 && (len(c.kept) > maxOrders || sum > maxOrdered) {
		sum -= len(c.kept[0].indexes)
		c.kept = append(c.kept[:0], c.kept[1:]...)
	}
	return indexes, nil
}

// sorted returns the indexes of the messages of a list in an order. Equal ones are in the order of
// their dates.
func sorted(ctx context.Context, l *view.List, name string) ([]int32, error) {
	indexes := make([]int32, l.Len())
	for i := range indexes {
		indexes[i] = int32(i)
	}
	field, descending := strings.CutPrefix(name, "-")
	compare := func(a, b int32) int { return cmp.Compare(l.Date(int(a)).Seconds, l.Date(int(b)).Seconds) }
	switch field {
	case BySize:
		compare = func(a, b int32) int { return cmp.Compare(l.Size(int(a)), l.Size(int(b))) }
	case ByFrom, ByTo, BySubject:
		keys, err := keysOf(ctx, l, field)
		if err != nil {
			return nil, err
		}
		compare = func(a, b int32) int { return strings.Compare(keys[a], keys[b]) }
	}
	newer := func(a, b int32) int {
		return cmp.Or(cmp.Compare(l.Date(int(b)).Seconds, l.Date(int(a)).Seconds), cmp.Compare(b, a))
	}
	slices.SortFunc(indexes, func(a, b int32) int {
		n := compare(a, b)
		if descending {
			n = -n
		}
		return cmp.Or(n, newer(a, b))
	})
	return indexes, nil
}

// keysOf reads the headers of all messages of a list, and returns what they are sorted by. What
// cannot be read has no key.
func keysOf(ctx context.Context, l *view.List, field string) ([]string, error) {
	keys := make([]string, l.Len())
	every := func(yield func(int) bool) {
		for i := range l.Len() {
			if !yield(i) {
				return
			}
		}
	}
	for m, err := range l.Ahead(ctx, l.Records(ctx, every), view.Headers) {
		var text []byte
		if err == nil {
			text, err = l.Contents().HeaderFields(ctx, m.Record)
		}
		if err != nil {
			if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
				return nil, err
			}
			continue
		}
		keys[m.Index] = sortKey(text, field)
	}
	return keys, nil
}

// sortKey returns what a message is sorted by: the name of the sender, or the subject without
// "Re:".
func sortKey(text []byte, field string) string {
	var key string
	switch field {
	case ByFrom:
		key = SenderName(header.Text(text, "From"))
	case ByTo:
		key = SenderName(header.Text(text, "To"))
	default:
		key = bareSubject(header.Text(text, "Subject"))
	}
	key = strings.ToLower(strings.Trim(key, " \t\"'"))
	return strings.Clone(key[:min(len(key), keySize)])
}

// bareSubject returns a subject without the words for replies and forwarded messages before it.
func bareSubject(subject string) string {
	for {
		word, rest, ok := strings.Cut(strings.TrimSpace(subject), ":")
		switch strings.ToLower(word) {
		case "re", "fw", "fwd", "aw", "wg", "sv", "antw":
			if ok {
				subject = rest
				continue
			}
		}
		return strings.TrimSpace(subject)
	}
}

// SenderName returns the name in the first address of a field, or the address.
func SenderName(from string) string {
	name, rest, ok := strings.Cut(from, "<")
	if name = strings.Trim(name, " \t\""); ok && name != "" {
		return name
	}
	if address, _, ok := strings.Cut(rest, ">"); ok {
		return address
	}
	return from
}
