package repo_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/internal/mutate"
)

// withoutRule is the environment variable that names the rule of removal that a mutated test binary
// leaves out.
const withoutRule = "MAILSTRATA_WITHOUT_RULE"

// mutations put a switch for each rule of removal (docs/design/removing.md) into the sources. For
// rules that forbid an operation, the model does that operation itself.
var mutations = []mutate.Change{
	{File: "repo/internal/clock/mutated.go", New: `package clock

import (
	"os"
	"time"
)

func without(rule string) bool { return os.Getenv("` + withoutRule + `") == rule }

func overtime() time.Duration {
	switch {
	case without("deadline"):
		return 1000 * time.Hour
	case without("L < G"):
		return Grace - 11*time.Hour
	}
	return 0
}
`},
	{File: "repo/mutated.go", New: `package repo

import "os"

func without(rule string) bool { return os.Getenv("` + withoutRule + `") == rule }
`},
	{File: "repo/internal/prune/mutated.go", New: `package prune

import (
	"context"
	"os"
)

func without(rule string) bool { return os.Getenv("` + withoutRule + `") == rule }

func ordered(packs, condemned, roots func(context.Context) error) []func(context.Context) error {
	if without("order of listing") {
		return []func(context.Context) error{roots, packs, condemned}
	}
	return []func(context.Context) error{packs, condemned, roots}
}
`},
	{File: "repo/census/mutated.go", New: `package census

import "os"

func without(rule string) bool { return os.Getenv("` + withoutRule + `") == rule }
`},
	{File: "repo/internal/clock/clock.go", Old: "const (\n\t// Lifetime", New: "var (\n\t// Lifetime"},
	{File: "repo/repo.go", Old: "const (\n\tLifetime", New: "var (\n\tLifetime"},
	{File: "repo/internal/clock/clock.go", Old: "Lifetime = 12 * time.Hour", New: "Lifetime = 12 * time.Hour + overtime()"},
	{File: "repo/internal/prune/survey.go", Old: "now.Sub(h.Since) < clock.Grace", New: `now.Sub(h.Since) < clock.Grace && !without("root grace")`},
	{File: "repo/internal/prune/survey.go", Old: "[]func(context.Context) error{s.listPacks, s.listCondemned, s.listRoots}",
		New: "ordered(s.listPacks, s.listCondemned, s.listRoots)"},
	{File: "repo/census/tally.go", Old: "if !at.reached || keeper != nil {",
		New: `if !at.reached || keeper != nil || without("condemned is no copy") && listed > 1 {`},
	{File: "repo/census/plan.go", Old: "case s.needed > 0:", New: `case s.needed > 0 && !without("second look"):`},
	{File: "repo/pack.go", Old: "rand.Read(salt)", New: `if !without("unique names") { rand.Read(salt) }`},
	{File: "repo/writer.go", Old: "for p := range condemned {", New: `for p := range condemned {
		if without("condemnations are read") { break }`},
	{File: "repo/internal/clock/skew.go", Old: "skew.Abs() > skewAtMost", New: `skew.Abs() > skewAtMost && !without("prune by agreed clocks") && !without("mark by agreed clocks")`},
}

// mutant builds this package's tests with the mutations, and returns a function that runs some of
// them without a rule.
func mutant(t *testing.T) (run func(t *testing.T, rule, tests string)) {
	dir := t.TempDir()
	overlay, err := mutate.Overlay("..", dir, mutations)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "repo.test")
	build := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as go vet does in CI, so that little is built again
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the mutated tests: %v\n%s", err, out)
	}
	return func(t *testing.T, rule, tests string) {
		cmd := exec.Command(binary, "-test.v", "-test.run", tests)
		cmd.Env = append(os.Environ(), withoutRule+"="+rule)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("without %q: %v\n%s", rule, err, out)
		} else {
			t.Logf("%s", out)
		}
	}
}
