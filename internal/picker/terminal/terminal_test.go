package terminal

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v3"
	"github.com/gdamore/tcell/v3/vt"

	"github.com/mailstrata/mailstrata/internal/picker"
)

// shown returns the lines of an emulated terminal.
func shown(term vt.MockTerm, width, height int) (lines []string) {
	for y := range height {
		var b strings.Builder
		for x := 0; x < width; {
			cell := term.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)})
			if cell.C == "" {
				cell.C = " "
			}
			b.WriteString(cell.C)
			x += max(cell.W, 1)
		}
		lines = append(lines, b.String())
	}
	return lines
}

// until waits until the terminal shows a text.
func until(t *testing.T, term vt.MockTerm, text string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		lines := shown(term, 80, 24)
		if strings.Contains(strings.Join(lines, "\n"), text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the terminal does not show %q:\n%s", text, strings.Join(lines, "\n"))
		}
	}
}

// A terminal shows what the view has, whatever the mail is, and somebody's keys arrive.
func TestRun(t *testing.T) {
	subjects := []string{"plain", "\x1b]0;owned\a\x1b[2J", "日本語の件名", "👩‍👩‍👧‍👦 family", "e\u0301a\u0308 marks", "\u202egnp.exe", "שלום", "last"}
	list := &picker.List{
		Title: "INBOX", Columns: []picker.Column{{Heading: "FROM", Width: 10}, {Heading: "SUBJECT"}},
		Len: func() int { return len(subjects) },
		Load: func(_ context.Context, from, n int) (rows []picker.Row, err error) {
			for i := from; i < min(from+n, len(subjects)); i++ {
				rows = append(rows, picker.Row{Cells: []string{"anna", subjects[i]}, Key: fmt.Sprint("key ", i), Item: i})
			}
			return rows, nil
		},
	}
	term := vt.NewMockTerm(vt.MockOptSize{X: 80, Y: 24})
	screen, err := tcell.NewTerminfoScreenFromTty(term)
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Fini()
	m := picker.New(func([]any) string { return "eml:/tmp/x" }, list)
	type result struct {
		choice *picker.Choice
		err    error
	}
	ended := make(chan result, 1)
	go func() {
		choice, err := run(t.Context(), screen, m)
		ended <- result{choice, err}
	}()
	until(t, term, "last")
	until(t, term, `\x1b]0;owned\x07\x1b[2J`)
	until(t, term, "日本語の件名")
	until(t, term, `\u202egnp.exe`)
	if title := term.GetTitle(); strings.Contains(title, "owned") {
		t.Errorf("the title is %q", title)
	}
	term.SendRaw([]byte("\x1b[B "))
	until(t, term, "1 marked")
	until(t, term, "3 of 8")
	term.SendRaw([]byte("\x1b[F"))
	until(t, term, "8 of 8")
	term.SendRaw([]byte("r"))
	until(t, term, "Restore to: eml:/tmp/x_")
	term.SendRaw([]byte("y\r"))
	got := <-ended
	if got.err != nil || got.choice == nil || fmt.Sprint(got.choice.Items) != "[1]" || got.choice.Target != "eml:/tmp/xy" {
		t.Errorf("%+v, %v", got.choice, got.err)
	}
}

// If the program is interrupted, the tasks end.
func TestRunEnds(t *testing.T) {
	term := vt.NewMockTerm()
	screen, err := tcell.NewTerminfoScreenFromTty(term)
	if err == nil {
		err = screen.Init()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Fini()
	ctx, cancel := context.WithCancel(t.Context())
	list := &picker.List{
		Title: "slow", Len: func() int { return 1 },
		Load: func(ctx context.Context, _, _ int) ([]picker.Row, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	if _, err := run(ctx, screen, picker.New(func([]any) string { return "" }, list)); err == nil {
		t.Error("no error")
	}
}
