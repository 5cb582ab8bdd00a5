package picker

import (
	"context"
	"maps"
	"slices"
)

// Key is a key that somebody presses. A character is its own Key.
type Key rune

// Keys that are no characters.
const (
	Up Key = -1 - iota
	Down
	Left
	Right
	PageUp
	PageDown
	Home
	End
	Enter
	Backspace
	Escape
	Interrupt // Ctrl-C
)

// Task is work that may take long. It does not touch the Model; its Effect does.
type Task func(context.Context) Effect

// Effect changes a Model, and may return more to do.
type Effect func(*Model) []Task

// Model is the state of the program.
type Model struct {
	width, height int
	levels        []*level
	marks         map[string]any // by Row.Key
	prompt        *prompt        // nil: there is none
	status        string         // of the last line, until the next key
	help          bool
	target        func(items []any) string

	done   bool
	chosen *Choice
}

// Choice is what somebody wants to restore, and where to.
type Choice struct {
	Items  []any // Row.Item of the marked rows, by key
	Target string
}

// New returns a Model that begins with some lists: the last one is shown, and the others are behind
// it. target returns what is offered as the target of a restore of some items, or "".
func New(target func(items []any) string, lists ...*List) *Model {
	m := &Model{width: 80, height: 24, marks: make(map[string]any), target: target}
	for _, list := range lists {
		m.levels = append(m.levels, newLevel(list))
	}
	return m
}

// Resize sets the size of the screen, in cells.
func (m *Model) Resize(width, height int) []Task {
	m.width, m.height = max(width, 20), max(height, 5)
	for _, l := range m.levels {
		l.wrapped = nil
	}
	return m.settle()
}

// Done reports whether the program ended, and with which choice; nil: none.
func (m *Model) Done() (bool, *Choice) { return m.done, m.chosen }

// top returns the level that is shown.
func (m *Model) top() *level { return m.levels[len(m.levels)-1] }

// Press handles a key.
func (m *Model) Press(k Key) []Task {
	m.status = ""
	switch {
	case k == Interrupt:
		m.done = true
	case m.help:
		m.help = false
	case m.prompt != nil:
		return append(m.pressInPrompt(k), m.settle()...)
	case k == 'q':
		m.done = true
	case k == '?':
		m.help = true
	case k == '/':
		m.search()
	case k == 'r':
		m.restore()
	case k == 'u':
		clear(m.marks)
	case k == Left, k == Backspace, k == Escape:
		m.back()
	default:
		return append(m.pressInLevel(k), m.settle()...)
	}
	return m.settle()
}

// back leaves a level. What it was loading ends.
func (m *Model) back() {
	if len(m.levels) > 1 {
		m.top().close()
		m.levels = m.levels[:len(m.levels)-1]
	}
}

func (m *Model) pressInLevel(k Key) []Task {
	l, page := m.top(), max(m.rows()-1, 1)
	switch k {
	case Up, 'k':
		l.move(-1)
	case Down, 'j':
		l.move(1)
	case PageUp:
		l.move(-page)
	case PageDown:
		l.move(page)
	case Home, 'g':
		l.move(-l.length())
	case End, 'G':
		l.move(l.length())
	case Enter, Right:
		return m.open()
	case ' ':
		if l.list.IsText {
			l.move(page)
			return nil
		}
		m.mark()
		l.move(1)
	}
	return nil
}

// open opens the row under the cursor, as a level above.
func (m *Model) open() []Task {
	l := m.top()
	if l.list.Open == nil || l.opening || l.length() == 0 {
		return nil
	}
	l.opening = true
	at := l.cursor
	return []Task{func(ctx context.Context) Effect {
		ctx, stop := l.bound(ctx)
		defer stop()
		list, err := l.list.Open(ctx, at)
		return func(m *Model) []Task {
			l.opening = false
			switch {
			case m.top() != l:
			case err != nil:
				m.status = err.Error()
			default:
				m.levels = append(m.levels, newLevel(list))
			}
			return m.settle()
		}
	}}
}

// mark marks the row under the cursor, or takes its mark away.
func (m *Model) mark() {
	row, ok := m.top().current()
	switch {
	case !ok || row.Key == "":
		m.status = "this cannot be marked"
	case m.marks[row.Key] != nil:
		delete(m.marks, row.Key)
	default:
		m.marks[row.Key] = row.Item
	}
}

// restore asks where to restore the marked rows to, or the one under the cursor.
func (m *Model) restore() {
	var items []any
	for _, key := range slices.Sorted(maps.Keys(m.marks)) {
		items = append(items, m.marks[key])
	}
	if len(items) == 0 {
		row, ok := m.top().current()
		if !ok || row.Key == "" {
			m.status = "mark with the space bar what to restore"
			return
		}
		items = []any{row.Item}
	}
	label := "Restore to: "
	text := []rune(m.target(items))
	if len(text) == 0 {
		label = "Restore to (maildir:DIRECTORY, eml:DIRECTORY, zip:FILE or an account): "
	}
	m.prompt = &prompt{label: label, text: text, accept: func(m *Model, target string) []Task {
		if target == "" {
			m.status = "no target: nothing is restored"
			return nil
		}
		m.chosen, m.done = &Choice{items, target}, true
		return nil
	}}
}

// search asks for words, and shows what has them as a level above.
func (m *Model) search() {
	l := m.top()
	if l.list.Find == nil {
		m.status = "there is no search here"
		return
	}
	m.prompt = &prompt{label: "Search sender, recipients and subject: ", accept: func(m *Model, words string) []Task {
		if words != "" {
			m.levels = append(m.levels, newLevel(l.list.Find(words)))
		}
		return nil
	}}
}

// settle keeps the cursor on the screen, and returns what is to be loaded.
func (m *Model) settle() []Task {
	l := m.top()
	if l.list.IsText {
		l.wrap(m.width)
	}
	l.scroll(m.rows())
	return l.load(m.rows())
}

// rows returns how many rows of a list the screen has.
func (m *Model) rows() int {
	if m.top().list.IsText {
		return m.height - 2
	}
	return m.height - 3
}
