package picker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/mailstrata/mailstrata/internal/ui"
)

// finish runs tasks and what follows from them, one after the other.
func finish(t *testing.T, m *Model, tasks []Task) {
	t.Helper()
	for n := 0; len(tasks) > 0; n++ {
		if n > 10_000 {
			t.Fatal("the tasks do not end")
		}
		effect := tasks[0](t.Context())
		tasks = append(tasks[1:], effect(m)...)
	}
}

// offer offers a target for everything.
func offer(target string) func([]any) string { return func([]any) string { return target } }

// press presses keys, and waits for what they load. It checks the screen after each.
func press(t *testing.T, m *Model, keys ...Key) {
	t.Helper()
	for _, k := range keys {
		finish(t, m, m.Press(k))
		checkScreen(t, m)
	}
}

func write(t *testing.T, m *Model, text string) {
	t.Helper()
	for _, r := range text {
		press(t, m, Key(r))
	}
}

// checkScreen checks that the screen has its size, by cells, and nothing that a terminal obeys.
func checkScreen(t *testing.T, m *Model) {
	t.Helper()
	lines := m.View()
	if len(lines) != m.height {
		t.Fatalf("%d lines, want %d", len(lines), m.height)
	}
	for _, line := range lines {
		if n := uniseg.StringWidth(line.Text); n != m.width {
			t.Fatalf("a line of %d cells, want %d: %q", n, m.width, line.Text)
		}
		if line.Text != ui.Safe(line.Text) {
			t.Fatalf("not safe: %q", line.Text)
		}
	}
}

func screenOf(m *Model) string {
	var b strings.Builder
	for _, line := range m.View() {
		b.WriteString(strings.TrimRight(line.Text, " ") + "\n")
	}
	return b.String()
}

func wantOnScreen(t *testing.T, m *Model, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(screenOf(m), text) {
			t.Errorf("%q is not on the screen:\n%s", text, screenOf(m))
		}
	}
}

// numbered returns a list of n rows, and counts those that are loaded.
func numbered(n int, loaded *int) *List {
	return &List{
		Title: "numbers", Columns: []Column{{Heading: "NUMBER", Width: 10, Right: true}, {Heading: "WORD"}},
		Len: func() int { return n },
		Load: func(_ context.Context, from, count int) (rows []Row, err error) {
			for i := from; i < min(from+count, n); i++ {
				*loaded++
				rows = append(rows, Row{Cells: []string{fmt.Sprint(i), "word"}, Key: fmt.Sprintf("row %d", i), Item: i})
			}
			return rows, nil
		},
		Open: func(_ context.Context, at int) (*List, error) {
			return &List{Title: fmt.Sprint("text ", at), IsText: true, Text: strings.Repeat("a line of text\n", 100), Row: Row{Key: fmt.Sprintf("row %d", at), Item: at}}, nil
		},
	}
}

// Of a million rows, only those are loaded that are shown, and few are kept. No key waits for the
// others.
func TestAMillionRows(t *testing.T) {
	const n = 1_000_000
	loaded := 0
	m := New(offer(""), numbered(n, &loaded))
	finish(t, m, m.Resize(80, 24))
	wantOnScreen(t, m, "> ", "         0 word", "1 of 1,000,000")
	if loaded > 50 {
		t.Errorf("%d rows were loaded for the first screen", loaded)
	}
	loaded = 0
	press(t, m, End)
	wantOnScreen(t, m, "    999999 word", "1,000,000 of 1,000,000")
	press(t, m, Home, Down, Down)
	wantOnScreen(t, m, "3 of 1,000,000")
	if loaded > 100 {
		t.Errorf("%d rows were loaded for the last screen", loaded)
	}
	before := heap()
	begin := time.Now()
	for range 300 {
		press(t, m, PageDown)
	}
	t.Logf("300 pages in %v", time.Since(begin))
	if kept := len(m.top().cached); kept > 2*keptScreens*24 {
		t.Errorf("%d rows are kept", kept)
	}
	if grown := heap() - before; grown > 10<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	wantOnScreen(t, m, fmt.Sprintf("%s of 1,000,000", ui.Count(3+300*20)))
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// hostile are texts that would do something to a terminal, or to the lines around them.
var hostile = []string{
	"\x1b[2J\x1b[H\x1b]0;title\a", "\x1b]52;c;ZWNobw==\x07", "\u009b31mred", "a\r\nb\tc\v\f\b\b\b", "\u202egnp.exe\u202c", "\u2066\u2067\u2068\u2069\u200f\u061c",
	"\u0301\u0301\u0301 begins with marks", "Z" + strings.Repeat("\u0300\u0316", 500) + "algo", "\xff\xfe\xfd bytes", "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
	"👩‍👩‍👧‍👦👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿🇩🇪🇩", "\u2028\u2029\ufeff\u200b\u00ad", strings.Repeat("x", 20_000), "ﷺﷺ", "ก็็็็็็็็็็็็็็็็็็็็", "क्षि त्र ज्ञ श्र", "\U000e0001\U000e0020tags",
	"שלום עולם", "مرحبا بالعالم", "한국어 가각", "",
}

// Whatever mail says, the screen keeps its lines, and the terminal gets nothing but characters.
func TestHostileTexts(t *testing.T) {
	list := &List{
		Title: hostile[0], Columns: []Column{{Heading: "FROM", Width: 20}, {Heading: "SUBJECT"}},
		Len: func() int { return len(hostile) },
		Load: func(_ context.Context, from, n int) (rows []Row, err error) {
			for i := from; i < min(from+n, len(hostile)); i++ {
				rows = append(rows, Row{Cells: []string{hostile[len(hostile)-1-i], hostile[i]}, Key: hostile[i] + "!", Item: i})
			}
			return rows, nil
		},
		Open: func(_ context.Context, at int) (*List, error) {
			return &List{Title: hostile[at], IsText: true, Fields: [][2]string{{hostile[at], hostile[0]}, {"From:", hostile[at]}}, Text: strings.Join(hostile, "\n"), Row: Row{Key: "k", Item: at}}, nil
		},
		Find: func(words string) *List {
			return &List{Title: words, Len: func() int { return 0 }, Grow: func(context.Context, func()) error { return errors.New(hostile[0]) }}
		},
	}
	for _, size := range [][2]int{{80, 24}, {20, 5}, {201, 7}} {
		m := New(offer(""), list)
		finish(t, m, m.Resize(size[0], size[1]))
		for i := range hostile {
			press(t, m, ' ')
			if i%5 == 0 {
				press(t, m, Enter, PageDown, End, Escape)
			}
		}
		press(t, m, '/')
		for _, text := range hostile {
			for _, r := range text[:min(len(text), 100)] {
				finish(t, m, m.Press(Key(r)))
			}
			checkScreen(t, m)
		}
		press(t, m, Enter, '?', 'x', Escape)
	}
}

// The help is whole on a terminal of 80 columns, and the prompt says what is searched.
func TestHelpFits(t *testing.T) {
	list := numbered(3, new(int))
	list.Find = func(string) *List { return list }
	m := New(offer(""), list)
	finish(t, m, m.Resize(80, 24))
	press(t, m, '/')
	wantOnScreen(t, m, "Search sender, recipients and subject: ")
	press(t, m, Escape, '?')
	if help := screenOf(m); strings.Contains(help, "…") || !strings.Contains(help, "not the text") {
		t.Errorf("the help is cut:\n%s", help)
	}
}

// FuzzCells checks that any text is cut and folded by cells, and is safe.
func FuzzCells(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:min(len(text), 1000)], uint8(17))
	}
	f.Fuzz(func(t *testing.T, text string, cells uint8) {
		for _, right := range []bool{false, true} {
			if got := fit(text, int(cells), right); uniseg.StringWidth(got) != int(cells) || got != ui.Safe(got) {
				t.Errorf("%q: %d cells, want %d", got, uniseg.StringWidth(got), cells)
			}
		}
		if cells < 2 {
			return
		}
		for folded := range ui.ReadingLines(text, int(cells)) {
			for line := range strings.SplitSeq(folded, "\n") {
				for _, part := range wrapLine(line, int(cells)) {
					if uniseg.StringWidth(part) > int(cells) || part != ui.Safe(part) {
						t.Errorf("%q: %d cells, at most %d", part, uniseg.StringWidth(part), cells)
					}
				}
			}
		}
	})
}

// What is marked is what is chosen, in every list.
func TestMarkAndRestore(t *testing.T) {
	loaded := 0
	m := New(offer("imaps://anna@mail.example"), numbered(50, &loaded))
	finish(t, m, m.Resize(80, 24))
	press(t, m, ' ', Down, ' ', ' ', Up, ' ') // marks 0, 2 and 3, and takes the mark of 3 away
	wantOnScreen(t, m, " 2 marked", "*          0", "*          2")
	press(t, m, Down, Enter, Down)
	wantOnScreen(t, m, "numbers › text 5", "a line of text")
	press(t, m, 'r', Backspace)
	wantOnScreen(t, m, "Restore to: imaps://anna@mail.exampl_")
	press(t, m, 'e', Enter)
	done, choice := m.Done()
	if !done || choice == nil || fmt.Sprint(choice.Items) != "[0 2]" || choice.Target != "imaps://anna@mail.example" {
		t.Errorf("%v, %+v", done, choice)
	}

	m = New(offer(""), numbered(50, &loaded)) // without marks: the row under the cursor
	finish(t, m, m.Resize(80, 24))
	press(t, m, Down, 'r', Enter)
	wantOnScreen(t, m, "no target: nothing is restored")
	if len(m.marks) > 0 {
		t.Errorf("a restore that was given up left marks: %v", m.marks)
	}
	press(t, m, 'r')
	write(t, m, "eml:/tmp/x")
	press(t, m, Enter)
	if _, choice := m.Done(); choice == nil || fmt.Sprint(choice.Items) != "[1]" || choice.Target != "eml:/tmp/x" {
		t.Errorf("%+v", choice)
	}

	m = New(offer(""), numbered(50, &loaded))
	press(t, m, ' ', 'u', 'q')
	if done, choice := m.Done(); !done || choice != nil || len(m.marks) > 0 {
		t.Errorf("%v, %+v", done, choice)
	}
}

// The target that is offered depends on what is marked. Without one, the prompt says what it can
// be.
func TestTargetOfItems(t *testing.T) {
	m := New(func(items []any) string {
		if len(items) == 1 {
			return fmt.Sprint("of ", items[0])
		}
		return ""
	}, numbered(50, new(int)))
	finish(t, m, m.Resize(80, 24))
	press(t, m, Down, ' ', 'r')
	wantOnScreen(t, m, "Restore to: of 1_")
	press(t, m, Escape, ' ', 'r')
	wantOnScreen(t, m, "zip:FILE or an account): _")
}

// The value of a field is folded beside its name.
func TestFields(t *testing.T) {
	list := numbered(3, new(int))
	list.Open = func(context.Context, int) (*List, error) {
		return &List{IsText: true, Fields: [][2]string{{"From:", "Anna"}, {"Subject:", "one two three four"}}, Text: "the text"}, nil
	}
	m := New(offer(""), list)
	finish(t, m, m.Resize(20, 10))
	press(t, m, Enter)
	wantOnScreen(t, m, "From:    Anna\nSubject: one two\n         three four\n\nthe text\n")
}

// A search shows what it finds while it finds it, and ends when somebody leaves it.
func TestSearchGrows(t *testing.T) {
	var found atomic.Int64
	asked := make(chan int64)
	ended := make(chan error, 1)
	list := &List{
		Title: "mail", Len: func() int { return 0 },
		Find: func(words string) *List {
			return &List{
				Title: "search: " + words, Columns: []Column{{Heading: "SUBJECT"}}, Len: func() int { return int(found.Load()) },
				Load: func(_ context.Context, from, n int) (rows []Row, err error) {
					for i := from; i < min(from+n, int(found.Load())); i++ {
						rows = append(rows, Row{Cells: []string{fmt.Sprint("hit ", i)}})
					}
					return rows, nil
				},
				Grow: func(ctx context.Context, grown func()) error {
					for {
						select {
						case n := <-asked:
							found.Store(n)
							grown()
						case <-ctx.Done():
							ended <- ctx.Err()
							return nil
						}
					}
				},
			}
		},
	}
	m := New(offer(""), list)
	finish(t, m, m.Resize(80, 24))
	press(t, m, '/')
	write(t, m, "bridge")
	tasks := m.Press(Enter)
	wantOnScreen(t, m, "search: bridge", "searching …")
	effects := make(chan Effect)
	start := func(tasks []Task) {
		for _, task := range tasks {
			go func() { effects <- task(t.Context()) }()
		}
	}
	start(tasks)
	for _, n := range []int64{1, 5, 300} {
		go func() { asked <- n }()
		for !strings.Contains(screenOf(m), fmt.Sprintf("of %d so far", n)) || !strings.Contains(screenOf(m), "hit 0") {
			start((<-effects)(m))
		}
		checkScreen(t, m)
	}
	start(m.Press(Escape))
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// An error is on the last line, and the program goes on.
func TestErrorsAreShown(t *testing.T) {
	loaded := 0
	list := numbered(100, &loaded)
	list.Open = func(context.Context, int) (*List, error) { return nil, errors.New("pack 3f9a: damaged\x1b[2J") }
	m := New(offer(""), list)
	finish(t, m, m.Resize(80, 24))
	press(t, m, Enter)
	wantOnScreen(t, m, `pack 3f9a: damaged\x1b[2J`)
	press(t, m, Down)
	wantOnScreen(t, m, "2 of 100")
	list.Load = func(context.Context, int, int) ([]Row, error) { return nil, errors.New("the store is gone") }
	press(t, m, End)
	wantOnScreen(t, m, "the store is gone")
}

// Any keys and sizes leave a screen of the right size.
func TestRandomKeys(t *testing.T) {
	keys := []Key{Up, Down, Left, Right, PageUp, PageDown, Home, End, Enter, Backspace, Escape, ' ', '/', 'r', 'u', '?', 'g', 'G', 'j', 'k', 'x'}
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 4))
		loaded := 0
		list := numbered(rng.IntN(200), &loaded)
		list.Find = func(string) *List { return numbered(rng.IntN(5), &loaded) }
		m := New(offer("t"), list)
		for range 60 {
			if rng.IntN(20) == 0 {
				finish(t, m, m.Resize(20+rng.IntN(100), 5+rng.IntN(25)))
			}
			if press(t, m, keys[rng.IntN(len(keys))]); m.done {
				m.done = false
			}
		}
	}
}
