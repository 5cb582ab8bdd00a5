package man

import "testing"

// Text of a help never becomes a roff request.
func TestManText(t *testing.T) {
	w := new(writer)
	w.blocks([]string{".SH not a heading", "    'single' \\n --flag", "EXIT STATUS"})
	want := ".PP\n\\&.SH not a heading\n.PP\n.EX\n    \\(aqsingle\\(aq \\en \\-\\-flag\n.EE\n.SH \"EXIT STATUS\"\n"
	if w.String() != want {
		t.Errorf("%q, want %q", w.String(), want)
	}
}
