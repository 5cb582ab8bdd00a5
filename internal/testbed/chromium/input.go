package chromium

import "testing"

// Click clicks the left button at a place of the page, in pixels of CSS.
func (p *Page) Click(t testing.TB, x, y float64) {
	t.Helper()
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		v := params{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
		if err := p.b.call(p.session, "Input.dispatchMouseEvent", v, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// Tab presses the key Tab.
func (p *Page) Tab(t testing.TB) {
	t.Helper()
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		v := params{"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
		if err := p.b.call(p.session, "Input.dispatchKeyEvent", v, nil); err != nil {
			t.Fatal(err)
		}
	}
}
