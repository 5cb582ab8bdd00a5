// Package terminal runs a picker.Model on a terminal.
package terminal

import (
	"context"
	"sync"

	"github.com/gdamore/tcell/v3"

	"github.com/mailstrata/mailstrata/internal/picker"
)

// keys are those of tcell that are no characters.
var keys = map[tcell.Key]picker.Key{
	tcell.KeyUp: picker.Up, tcell.KeyDown: picker.Down, tcell.KeyLeft: picker.Left, tcell.KeyRight: picker.Right,
	tcell.KeyPgUp: picker.PageUp, tcell.KeyPgDn: picker.PageDown, tcell.KeyHome: picker.Home, tcell.KeyEnd: picker.End,
	tcell.KeyEnter: picker.Enter, tcell.KeyBackspace: picker.Backspace, tcell.KeyDelete: picker.Backspace,
	tcell.KeyEscape: picker.Escape, tcell.KeyCtrlC: picker.Interrupt,
}

// Run shows a Model until it is done, or ctx ends. It gives back the terminal as it was.
func Run(ctx context.Context, m *picker.Model) (*picker.Choice, error) {
	screen, err := tcell.NewScreen()
	if err != nil {
		return nil, err
	}
	if err := screen.Init(); err != nil {
		return nil, err
	}
	defer screen.Fini()
	return run(ctx, screen, m)
}

func run(ctx context.Context, screen tcell.Screen, m *picker.Model) (*picker.Choice, error) {
	working, cancel := context.WithCancel(ctx)
	r := &runner{ctx: working, effects: make(chan picker.Effect)}
	defer r.group.Wait()
	defer cancel()
	r.start(m.Resize(screen.Size()))
	for {
		draw(screen, m)
		select {
		case event := <-screen.EventQ():
			r.start(handle(screen, m, event))
		case effect := <-r.effects:
			r.start(effect(m))
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if done, choice := m.Done(); done {
			return choice, nil
		}
	}
}

// runner runs tasks, each in a goroutine.
type runner struct {
	ctx     context.Context
	effects chan picker.Effect
	group   sync.WaitGroup
}

func (r *runner) start(tasks []picker.Task) {
	for _, task := range tasks {
		r.group.Go(func() {
			effect := task(r.ctx)
			select {
			case r.effects <- effect:
			case <-r.ctx.Done():
			}
		})
	}
}

// handle gives an event of the terminal to the model.
func handle(screen tcell.Screen, m *picker.Model, event tcell.Event) []picker.Task {
	switch event := event.(type) {
	case *tcell.EventResize:
		screen.Sync()
		return m.Resize(screen.Size())
	case *tcell.EventKey:
		if key, ok := keys[event.Key()]; ok {
			return m.Press(key)
		}
		var tasks []picker.Task
		if event.Key() == tcell.KeyRune && event.Modifiers()&(tcell.ModCtrl|tcell.ModAlt|tcell.ModMeta) == 0 {
			for _, r := range event.Str() {
				tasks = append(tasks, m.Press(picker.Key(r))...)
			}
		}
		return tasks
	}
	return nil
}

// draw draws the screen. tcell writes only what changed.
func draw(screen tcell.Screen, m *picker.Model) {
	screen.HideCursor()
	for y, line := range m.View() {
		style := tcell.StyleDefault.Reverse(line.Reverse).Bold(line.Bold)
		x := 0
		for _, c := range picker.Clusters(line.Text) {
			screen.Put(x, y, c.Text, style)
			x += c.Cells
		}
	}
	screen.Show()
}
