package picker

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/internal/ui"
)

// List is a list of rows, or a text.
type List struct {
	Title   string
	Columns []Column

	// Len returns the number of rows. It may grow while Grow runs.
	Len func() int

	// Load returns the rows from one on, at most n. Rows that cannot be read say so.
	Load func(ctx context.Context, from, n int) ([]Row, error)

	// Open returns what is in a row; nil: rows cannot be opened.
	Open func(ctx context.Context, at int) (*List, error)

	// Find returns a list of what has some words; nil: there is no search.
	Find func(words string) *List

	// Grow adds rows until it returns, and calls grown after some. It runs while the list is shown.
	// nil: all rows are there.
	Grow func(ctx context.Context, grown func()) error

	IsText bool
	Fields [][2]string // names and values before the text
	Text   string      // to be read, instead of rows
	Row    Row         // of a text: what it is
}

// Column is a column of a List.
type Column struct {
	Heading string
	Width   int  // cells; 0: what is left
	Right   bool // aligned to the right
}

// Row is a row of a List.
type Row struct {
	Cells []string // by column: any text
	Key   string   // names the row among all lists; empty: it cannot be marked
	Item  any
}

// level is a list as it is shown.
type level struct {
	list        *List
	cursor, top int
	cached      map[int]Row
	loading     bool
	opening     bool
	failed      error
	growing     bool // Grow was started
	grown       bool // Grow ended
	closed      chan struct{}
	wrapped     []string // the lines of a text, as the screen shows them
}

func newLevel(list *List) *level {
	return &level{list: list, cached: make(map[int]Row), closed: make(chan struct{})}
}

func (l *level) close() { close(l.closed) }

// bound returns a context that ends with the level.
func (l *level) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-l.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (l *level) length() int {
	if l.list.IsText {
		return len(l.wrapped)
	}
	return l.list.Len()
}

// current returns the row under the cursor, if it is loaded.
func (l *level) current() (Row, bool) {
	if l.list.IsText {
		return l.list.Row, true
	}
	row, ok := l.cached[l.cursor]
	return row, ok
}

func (l *level) move(by int) { l.cursor += by }

// scroll keeps the cursor among the rows, and the rows around it on the screen.
func (l *level) scroll(rows int) {
	last := l.length() - 1
	if l.list.IsText {
		last -= rows - 1 // the cursor of a text is its first line on the screen
		l.cursor = max(0, min(l.cursor, last))
		l.top = l.cursor
		return
	}
	l.cursor = max(0, min(l.cursor, last))
	l.top = max(l.top, l.cursor-rows+1)
	l.top = max(0, min(l.top, l.cursor, last-rows+1))
	if l.top+rows > last+1 {
		l.top = max(0, last-rows+1)
	}
}

// load returns the task that loads what the screen shows and is not there, with a screen before and
// after it.
func (l *level) load(rows int) (tasks []Task) {
	if l.list.IsText {
		return nil
	}
	if l.list.Grow != nil && !l.growing {
		l.growing = true
		tasks = append(tasks, l.grow())
	}
	if l.loading || l.failed != nil {
		return tasks
	}
	from, to := l.missing(rows)
	if from == to {
		return tasks
	}
	l.loading = true
	return append(tasks, func(ctx context.Context) Effect {
		ctx, stop := l.bound(ctx)
		defer stop()
		loaded, err := l.list.Load(ctx, from, to-from)
		return func(m *Model) []Task {
			l.loading = false
			if err == nil && len(loaded) == 0 {
				err = errNothing
			}
			if l.failed = err; err != nil && m.top() == l {
				m.status = err.Error()
			}
			l.forget(rows)
			for i, row := range loaded {
				l.cached[from+i] = row
			}
			if m.top() == l {
				return m.settle()
			}
			return nil
		}
	})
}

// missing returns a range of rows to load: empty if the screen has all.
func (l *level) missing(rows int) (from, to int) {
	end := min(l.top+rows, l.length())
	at := l.top
	for ; at < end; at++ {
		if _, ok := l.cached[at]; !ok {
			break
		}
	}
	if at == end {
		return 0, 0
	}
	from, to = at, min(at+rows, l.length()) // the rest of the screen first
	for to > from+1 {
		if _, ok := l.cached[to-1]; !ok {
			break
		}
		to--
	}
	return from, to
}

// keptScreens is how many screens of rows around the cursor are kept.
const keptScreens = 20

// forget forgets rows that are far away.
func (l *level) forget(rows int) {
	if len(l.cached) < 2*keptScreens*rows {
		return
	}
	for at := range l.cached {
		if at < l.top-keptScreens*rows/2 || at > l.top+keptScreens*rows/2 {
			delete(l.cached, at)
		}
	}
}

// grow returns the task that adds rows. Each time there are more, the screen is drawn again.
func (l *level) grow() Task {
	more := make(chan struct{}, 1)
	var failure error
	return func(ctx context.Context) Effect {
		ctx, stop := l.bound(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer stop()
			failure = l.list.Grow(ctx, func() {
				select {
				case more <- struct{}{}:
				default:
				}
			})
		}()
		var wait Task
		wait = func(context.Context) Effect {
			select {
			case <-more:
				return func(m *Model) []Task { return append(m.settleIf(l), wait) }
			case <-ended:
			}
			return func(m *Model) []Task {
				l.grown = true
				if failure != nil && m.top() == l {
					m.status = failure.Error()
				}
				return m.settleIf(l)
			}
		}
		return func(*Model) []Task { return []Task{wait} }
	}
}

func (m *Model) settleIf(l *level) []Task {
	if m.top() != l {
		return nil
	}
	return m.settle()
}

type constError string

func (e constError) Error() string { return string(e) }

const errNothing = constError("nothing could be read here")

// wrap breaks the text into lines of the screen.
func (l *level) wrap(width int) {
	if l.wrapped != nil {
		return
	}
	l.wrapped = wrapFields(l.list.Fields, width)
	for folded := range ui.ReadingLines(l.list.Text, width) {
		for line := range strings.SplitSeq(folded, "\n") {
			l.wrapped = append(l.wrapped, wrapLine(line, width)...)
		}
	}
}
