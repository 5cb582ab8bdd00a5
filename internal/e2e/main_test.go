package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/internal/mutate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// program is the path of the tested binary.
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

// build builds the program at a fixed place, so that only what has changed is built again.
// Checkouts that share one .testbed have a place each. It has the flags of a release, and so is
// without the race detector: with it, deriving a key from a passphrase takes eight seconds. Unlike
// the shipped program, it removes while the store's clock and the host's differ, because these
// tests move the store's by days.
func build() (string, error) {
	checkout, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(checkout))
	at := filepath.Join(checkout, ".testbed", "e2e", hex.EncodeToString(sum[:8]), "mailstrata")
	overlay, err := moveClocks(checkout, filepath.Dir(at))
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-overlay", overlay, "-o", at,
		"github.com/mailstrata/mailstrata/cmd/mailstrata")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return at, nil
}

// moveClocks lets the program remove while the clocks of the store and of this host differ by any
// time.
func moveClocks(checkout, dir string) (overlay string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("build the program: %w", err)
	}
	return mutate.Overlay(checkout, dir, []mutate.Change{
		{File: "repo/internal/clock/skew.go", Old: "skewAtMost = time.Hour", New: "skewAtMost = 100000 * time.Hour"},
	})
}
