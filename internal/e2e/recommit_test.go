package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// In a bucket, an account gets another name and forgotten nights are brought back, by commands that
// are killed at random moments. Nothing is lost, nothing is there twice, no alarm follows, and two
// prunes later everything can be restored.
func TestRenamedAndUndoneByKilledCommands(t *testing.T) {
	t.Parallel()
	k := newKills(t)
	nights := []written{k.pinned}
	for range 3 {
		k.clock.skip(24 * time.Hour)
		k.come(20)
		nights = append(nights, k.h.backUp(0, k.url))
	}
	old := k.pinned.Account
	for range 4 {
		k.upset("rename", k.h, "rename-account", old, "anna")
		k.h.must(0, "check")
	}
	k.h.must(0, "rename-account", old, "anna")
	list := k.h.listed()
	if len(list) != len(nights) {
		t.Fatalf("%d manifests are listed of %d", len(list), len(nights))
	}
	for i, m := range list {
		was := nights[len(nights)-1-i]
		if m.Account != "anna" || m.Messages != was.Messages || !m.Time.Equal(was.Time) {
			t.Errorf("%+v, which was %+v", m, was)
		}
	}
	if m := k.h.backUp(0, k.url, "--name", "anna"); m.NewMessages != 0 || m.Warnings != 0 || m.Messages != 180 {
		t.Errorf("the night after: %+v", m)
	}

	forgotten := []string{list[1].ID, list[2].ID}
	k.h.must(0, append([]string{"forget", "--yes"}, forgotten...)...)
	if n := len(k.h.listed()); n != 3 {
		t.Fatalf("%d manifests are listed", n)
	}
	k.clock.skip(23 * time.Hour)
	for range 4 {
		k.upset("undo", k.h, append([]string{"forget", "--undo"}, forgotten...)...)
		k.h.must(0, "check")
	}
	k.h.must(0, append([]string{"forget", "--undo"}, forgotten...)...)
	again := k.h.listed()
	if len(again) != 5 {
		t.Fatalf("%d manifests are listed", len(again))
	}
	for i := 2; i < 4; i++ {
		if m, was := again[i], list[i-1]; m.Messages != was.Messages || m.Time.Sub(was.Time) != time.Millisecond {
			t.Errorf("%+v, which was %+v", m, was)
		}
	}
	k.h.must(0, "copy", "--to", k.second, "--to-key-file", k.other.home+"/key")
	for range 2 {
		k.clock.skip(25 * time.Hour)
		k.h.must(0, "prune", "--max-unused", "0%")
	}
	k.h.must(0, "check", "--read-data")
	if b := k.h.backUp(0, k.url, "--name", "anna"); b.NewMessages != 0 || b.Warnings != 0 {
		t.Errorf("the last night: %+v", b)
	}
	ids := strings.Fields(k.h.must(0, "tag", k.pinnedNow(), "--json").stdout)
	if len(ids) == 0 || !slices.ContainsFunc(ids, func(s string) bool { return strings.Contains(s, "pinned") }) {
		t.Errorf("the pin: %v", ids)
	}
	k.allRestores()
	t.Logf("killed, of times run: %v", k.killed)
}

// pinnedNow is the oldest manifest, which was pinned.
func (k *kills) pinnedNow() string {
	list := k.h.listed()
	return list[len(list)-1].ID
}
