// Package need skips tests of what is not installed here, or fails them where everything must be:
// with CI or MAILSTRATA_REQUIRE_SERVERS=1 in the environment. It starts nothing, so that packages
// that are tested without the race detector can use it.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program of the system that testbed/packages installs. hint says how
// to install it.
func Program(t testing.TB, name, hint string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	That(t, err == nil, fmt.Sprintf("%s is not installed: %s", name, hint))
	return path
}

// That skips or fails the test, for the reason why, unless able is true.
func That(t testing.TB, able bool, why string) {
	t.Helper()
	switch {
	case able:
	case os.Getenv("CI") != "" || os.Getenv("MAILSTRATA_REQUIRE_SERVERS") == "1":
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}
