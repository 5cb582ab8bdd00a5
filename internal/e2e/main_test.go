package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// program is the path of the binary that is tried.
var program string

func TestMain(m *testing.M) {
	at, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = at
	testbed.Main(m)
}

// build makes the program, at a place that stays the same: what has not changed is not made anew.
func build() (string, error) {
	at, err := filepath.Abs(filepath.Join("..", "..", ".testbed", "e2e", "mailstrata"))
	if err != nil {
		return "", err
	}
	args := []string{"build", "-o", at}
	if raceDetector {
		args = append(args, "-race")
	}
	args = append(args, "github.com/mailstrata/mailstrata/cmd/mailstrata")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return at, nil
}

// required ends a test for want of a tool, as testbed does for want of a server.
func required(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("MAILSTRATA_REQUIRE_SERVERS") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}
