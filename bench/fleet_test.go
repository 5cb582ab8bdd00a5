package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// Each account has at least thirty messages, and a night brings more to as many accounts as were
// asked for.
func TestFleetMail(t *testing.T) {
	need.That(t, exec.Command("chown", "nobody:nogroup", t.TempDir()).Run() == nil, "chown needs root")
	root := t.TempDir()
	f, err := newFleetMail(t.Context(), root, 4)
	if err != nil {
		t.Fatal(err)
	}
	before := make(map[string]int)
	for _, name := range strings.Fields(f.users()) {
		n, _, err := weigh(f.maildir(name).Root)
		if err != nil || n < 30 || n > 100 {
			t.Errorf("%s has %d messages: %v", name, n, err)
		}
		before[name] = n
	}
	if len(before) != 4 {
		t.Errorf("%d accounts", len(before))
	}
	if err := os.Chown(root, 0, 0); err != nil { // which only a walk over all mail would change
		t.Fatal(err)
	}
	if err := f.deliver(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	if found, err := exec.Command("find", root, "!", "-user", "nobody").Output(); err != nil || string(found) != root+"\n" {
		t.Errorf("not the user's: %s, %v", found, err)
	}
	grown := 0
	for name, n := range before {
		if now, _, err := weigh(f.maildir(name).Root); err != nil || now > n {
			grown++
		}
	}
	if grown != 2 {
		t.Errorf("%d accounts got mail", grown)
	}
}
