package picker

import "unicode"

// prompt is a line that somebody writes.
type prompt struct {
	label  string
	text   []rune
	accept func(*Model, string) []Task
}

// maxPrompt bounds what is written.
const maxPrompt = 500

func (m *Model) pressInPrompt(k Key) []Task {
	p := m.prompt
	switch {
	case k == Escape:
		m.prompt = nil
	case k == Enter:
		m.prompt = nil
		return p.accept(m, string(p.text))
	case k == Backspace:
		p.text = p.text[:max(0, len(p.text)-1)]
	case k > 0 && unicode.IsPrint(rune(k)) && len(p.text) < maxPrompt:
		p.text = append(p.text, rune(k))
	}
	return nil
}
