package e2e_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// vanishingRounds is how often each command runs. MAILSTRATA_VANISH sets another number.
func vanishingRounds(t *testing.T) int {
	text := os.Getenv("MAILSTRATA_VANISH")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A cache directory that is removed at any moment of a command is no damage: what is read and
// written is complete, and no other manifest is written.
func TestVanishingCache(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	h := newHost(t)
	h.onDirectory()
	account := accountURL("anna", dovecot.Addr)
	for seed := range uint64(4) {
		dovecot.Deliver("anna", "INBOX", appended(generate.New(80+seed).Messages(25))...)
		h.backUp(0, account)
	}
	manifests := h.manifests("")
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	v := vanishing{host: h, seed: rand.New(rand.NewPCG(seed, 1))}
	for round := range vanishingRounds(t) {
		n := strconv.Itoa(round)
		second := filepath.Join(h.home, "second"+n)
		h.must(0, "init", "--repo", second, "--no-seal")
		v.run("check", "--read-data")
		v.run("copy", "--to", second)
		v.run("repair", "manifest", "latest")
		v.run("repair", "index")
		v.run("restore", "latest", "--to", "maildir:"+filepath.Join(h.home, "back"+n))
		v.run("prune")
		if got := h.manifests(""); got != manifests {
			t.Fatalf("round %d: the manifests are\n%s\nand were\n%s", round, got, manifests)
		}
		if copied := h.manifests(second); strings.Count(copied, ":100 ") != 1 || strings.Count(copied, "\n") != 4 {
			t.Fatalf("round %d: the copies are\n%s", round, copied)
		}
		h.must(0, "check", "--read-data", "--repo", second)
		if back, _ := filepath.Glob(filepath.Join(h.home, "back"+n, "cur", "*")); len(back) != 100 {
			t.Fatalf("round %d: %d messages are restored", round, len(back))
		}
		_ = os.RemoveAll(second)
		_ = os.RemoveAll(filepath.Join(h.home, "back"+n))
	}
	h.must(0, "check", "--read-data")
}

// vanishing runs commands during which the cache directory is removed.
type vanishing struct {
	*host
	seed *rand.Rand
}

func (v *vanishing) run(args ...string) {
	v.t.Helper()
	cache := filepath.Join(v.home, "cache")
	ended, gone := make(chan bool), make(chan bool)
	waits := []time.Duration{time.Duration(v.seed.IntN(60_000)) * time.Microsecond, time.Duration(v.seed.IntN(30_000)) * time.Microsecond}
	go func() {
		defer close(gone)
		for _, wait := range waits {
			select {
			case <-ended:
				return
			case <-time.After(wait):
				_ = os.RemoveAll(cache)
			}
		}
	}()
	v.must(0, append(args, "--cache-dir", cache)...)
	close(ended)
	<-gone
}

// manifests returns each manifest of a repository with its number of messages, a line each.
func (h *host) manifests(place string) string {
	h.t.Helper()
	args := []string{"list", "--json"}
	if place != "" {
		args = append(args, "--repo", place)
	}
	var all strings.Builder
	for line := range strings.Lines(h.must(0, args...).stdout) {
		var m struct {
			ID       string
			Messages int
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			h.t.Fatal(err)
		}
		all.WriteString(m.ID + ":" + strconv.Itoa(m.Messages) + " \n")
	}
	return all.String()
}
