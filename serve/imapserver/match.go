package imapserver

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// test is a condition of a search. A message without a record can be asked for what the list has.
type test struct {
	needs   source
	matches func(*candidate) (bool, error)
}

// candidate is a message that may match.
type candidate struct {
	index int
	*message
}

// matcher finds the messages that match a search.
type matcher struct {
	*session
	list *view.List
	all  []test // all must match, the cheap ones first

	indexed map[string]view.Matches // by text: what the index finds

	unread int   // messages that cannot be read
	reason error // of the first
}

// newMatcher prepares a search.
func (s *session) newMatcher(ctx context.Context, key command.Key) (*matcher, error) {
	m := &matcher{session: s, list: s.selected.list}
	if err := m.askIndex(ctx, key); err != nil {
		return nil, err
	}
	for _, k := range key.Keys {
		t, err := m.test(k)
		if err != nil {
			return nil, err
		}
		m.all = append(m.all, t)
	}
	slices.SortStableFunc(m.all, func(a, b test) int { return int(a.needs) - int(b.needs) })
	return m, nil
}

// find returns the messages that match, ascending. What the list says decides first, so that no
// more messages are read than necessary.
func (m *matcher) find(ctx context.Context) (found []int, err error) {
	cheap := slices.IndexFunc(m.all, func(t test) bool { return t.needs > ofList })
	if cheap < 0 {
		cheap = len(m.all)
	}
	for i := range m.list.Len() {
		if ok, _ := matchesAll(m.all[:cheap], &candidate{index: i}); ok {
			found = append(found, i)
		}
	}
	if cheap == len(m.all) || len(found) == 0 {
		return found, nil
	}
	return m.read(ctx, found, m.all[cheap:])
}

// read returns those of the candidates that match what must be read, in batches.
func (m *matcher) read(ctx context.Context, candidates []int, tests []test) (found []int, err error) {
	next := time.Now().Add(progressEvery)
	done := 0
	for batch := range slices.Chunk(candidates, searchBatch) {
		some, err := m.readBatch(ctx, batch, tests)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		if done += len(batch); time.Now().After(next) {
			next = time.Now().Add(progressEvery)
			m.out.line(fmt.Sprintf("* OK Searched %d of %d messages", done, len(candidates)))
			if m.out.Flush() != nil {
				return nil, errGone
			}
		}
	}
	return found, nil
}

// progressEvery is how often a search says how far it is. Clients give up on a server that is
// silent for a minute or two.
const progressEvery = 10 * time.Second

// searchBatch is the number of messages that a search reads before another session has its turn.
const searchBatch = 1024

// readBatch is read for one batch. It checks several messages at once.
func (m *matcher) readBatch(ctx context.Context, batch []int, tests []test) (found []int, err error) {
	end, err := m.server.turns.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	type result struct {
		index   int
		matches bool
		err     error
	}
	check := func(ctx context.Context, v view.Message) (found result, err error) {
		defer m.server.rescue(&err)
		p := &message{Message: v, ctx: ctx, server: m.server, contents: m.list.Contents()}
		ok, err := matchesAll(tests, &candidate{v.Index, p})
		return result{v.Index, ok, err}, ctx.Err()
	}
	var wanted []interval
	for _, i := range batch {
		wanted = append(wanted, interval{i, i + 1})
	}
	messages := records(ctx, m.list, wanted, tests[len(tests)-1].needs)
	for r, err := range inorder.Map(ctx, 4*runtime.GOMAXPROCS(0), messages, check) {
		if err == nil {
			err = r.err
		}
		switch {
		case err == nil && r.matches:
			found = append(found, r.index)
		case err == nil:
		case ctx.Err() != nil || archive.UnlessDamage(err) != nil:
			return nil, err
		default:
			if m.unread++; m.unread == 1 {
				m.reason = err
			}
		}
	}
	return found, nil
}

func matchesAll(tests []test, c *candidate) (bool, error) {
	for _, t := range tests {
		if ok, err := t.matches(c); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// test returns the test of a key.
func (m *matcher) test(k command.Key) (test, error) {
	switch k.Op {
	case "AND", "OR", "NOT":
		return m.combination(k)
	case "SEQ", "UID":
		return m.inSet(k)
	case "LARGER":
		return onList(func(i int) bool { return m.list.Size(i) > k.Size }), nil
	case "SMALLER":
		return onList(func(i int) bool { return m.list.Size(i) < k.Size }), nil
	case "BEFORE", "ON", "SINCE":
		return onList(func(i int) bool { return isOn(k, m.list.Date(i).Time()) }), nil
	case "SENTBEFORE", "SENTON", "SENTSINCE":
		return onHeader(func(text []byte) bool {
			t, ok := header.Date(header.Text(text, "Date"))
			return ok && isOn(k, t)
		}), nil
	case "FROM", "TO", "CC", "BCC", "SUBJECT":
		return onFields(k.Op, k.Text), nil
	case "HEADER":
		return onFields(k.Name, k.Text), nil
	case "BODY", "TEXT":
		if found, ok := m.indexed[indexName(&k)]; ok && found.Empty() { // no record is read
			return onList(func(int) bool { return false }), nil
		} else if ok {
			return test{ofRecords, func(c *candidate) (bool, error) { return found.Has(c.Record), nil }}, nil
		}
		return m.onText(k.Text, k.Op == "TEXT"), nil
	}
	return m.onFlags(k), nil
}

// combination returns the test of AND, OR or NOT.
func (m *matcher) combination(k command.Key) (test, error) {
	var inner []test
	var needs source
	for _, key := range k.Keys {
		t, err := m.test(key)
		if err != nil {
			return t, err
		}
		inner, needs = append(inner, t), max(needs, t.needs)
	}
	slices.SortStableFunc(inner, func(a, b test) int { return int(a.needs) - int(b.needs) })
	return test{needs, func(c *candidate) (bool, error) {
		switch k.Op {
		case "AND":
			return matchesAll(inner, c)
		case "NOT":
			ok, err := inner[0].matches(c)
			return !ok && err == nil, err
		}
		if ok, err := inner[0].matches(c); ok || err != nil {
			return ok, err
		}
		return inner[1].matches(c)
	}}, nil
}

// inSet returns the test of a set. A number that does not exist matches nothing.
func (m *matcher) inSet(k command.Key) (test, error) {
	n := m.list.Len()
	largest := uint32(n)
	if k.Op == "UID" && n > 0 {
		largest = uint32(m.list.UID(n - 1))
	}
	ranges := command.Merge(k.Set.Resolve(largest))
	return onList(func(i int) bool {
		number := uint32(m.number(i, k.Op == "UID"))
		_, found := slices.BinarySearchFunc(ranges, number, func(r command.Range, n uint32) int {
			switch {
			case r.Last < n:
				return -1
			case r.First > n:
				return 1
			}
			return 0
		})
		return found
	}), nil
}

func onList(matches func(i int) bool) test {
	return test{ofList, func(c *candidate) (bool, error) { return matches(c.index), nil }}
}

func onHeader(matches func(text []byte) bool) test {
	return test{ofHeaders, func(c *candidate) (bool, error) {
		text, err := c.header()
		return err == nil && matches(text), err
	}}
}

// onFlags returns the test of a flag, for each flag set once. \Recent is no flag of an archive: all
// messages are old.
func (m *matcher) onFlags(k command.Key) test {
	flag, want := k.Text, true
	switch k.Op {
	case "ALL", "OLD":
		return onList(func(int) bool { return true })
	case "NEW", "RECENT":
		return onList(func(int) bool { return false })
	case "KEYWORD":
	case "UNKEYWORD":
		want = false
	default:
		name, not := strings.CutPrefix(k.Op, "UN")
		flag, want = `\`+name, !not
	}
	matches := make([]bool, m.list.Sets())
	for i := range matches {
		has := slices.ContainsFunc(m.list.Flags(i), func(f string) bool { return strings.EqualFold(flagText(f), flag) })
		matches[i] = has == want
	}
	return onList(func(i int) bool { return matches[m.list.Set(i)] })
}

// isOn compares a time with the date of a key, without regard to time and zone (RFC 3501 section
// 6.4.4).
func isOn(k command.Key, t time.Time) bool {
	order := command.Day(t).Compare(k.Date)
	switch strings.TrimPrefix(k.Op, "SENT") {
	case "BEFORE":
		return order < 0
	case "ON":
		return order == 0
	}
	return order >= 0
}

// onFields returns the test of a text in the fields of a name. An empty text is in every field.
func onFields(name, text string) test {
	text = folded(text)
	return onHeader(func(head []byte) bool {
		for value := range header.Texts(head, name) {
			if strings.Contains(folded(value), text) {
				return true
			}
		}
		return false
	})
}

// folded returns a text without differences of case and of Unicode normalization. Compatibility
// characters, such as full-width letters, are those that they stand for (RFC 5051 section 2).
func folded(text string) string {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return cases.Fold().String(norm.NFKC.String(text))
		}
	}
	return strings.ToLower(text)
}
