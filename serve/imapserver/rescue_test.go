package imapserver

import (
	"fmt"
	"strings"
	"testing"
)

// A panic becomes an error, and its stack is in the log.
func TestRescue(t *testing.T) {
	var logged string
	s := New(Options{Log: func(format string, args ...any) { logged = fmt.Sprintf(format, args...) }})
	read := func() (err error) {
		defer s.rescue(&err)
		panic("broken")
	}
	if err := read(); err != errInternal || !strings.HasPrefix(logged, "internal error: broken\n") || !strings.Contains(logged, "TestRescue") {
		t.Errorf("%v is logged as %q", err, logged)
	}
	if err := func() (err error) { defer s.rescue(&err); return nil }(); err != nil {
		t.Error(err)
	}
}
