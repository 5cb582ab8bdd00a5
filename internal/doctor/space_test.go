package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// A disk that a night can fill is a warning with both numbers, and a full one fails.
func TestSpace(t *testing.T) {
	for _, test := range []struct {
		free int64
		want Finding
	}{
		{10 << 30, Finding{Status: OK, Finding: "/mail has 11 GB free"}},
		{300e6, Finding{Status: Warn, Finding: "/mail has only 300 MB free, and a night takes up to 900 MB", Advice: "prune"}},
		{20e6, Finding{Status: Fail, Finding: "/mail is full: 20 MB free, and a night takes up to 900 MB", Advice: "prune"}},
	} {
		f := new(findings)
		f.space("room", room{dir: "/mail", use: "a night", free: test.free, needs: 900e6, full: fullDisk, advice: "prune"})
		test.want.Check = "room"
		if len(f.found) != 1 || f.found[0] != test.want {
			t.Errorf("have %+v, want %+v", f.found, test.want)
		}
	}
}

// A night needs what the largest day of a month archived, of all accounts, but for first backups.
func TestLargestNight(t *testing.T) {
	now := time.Date(2026, 3, 31, 4, 0, 0, 0, time.UTC)
	id := func(n byte) [32]byte { return [32]byte{n} }
	night := func(days int, bytes int64, name, parent byte, state manifest.State) archive.Summary {
		m := &manifest.Manifest{Parent: id(parent), State: state, Totals: manifest.Totals{NewBytes: bytes}}
		return archive.Summary{Head: repo.Head{ID: id(name), Time: now.AddDate(0, 0, -days)}, Manifest: m}
	}
	var sizes nightSizes
	for _, n := range []archive.Summary{ // an account, the newest first, and then another
		night(1, 500, 5, 4, manifest.Complete),
		night(2, 300, 4, 3, manifest.Complete),
		night(3, 6000, 3, 2, manifest.Complete), // the end of the first backup
		night(3, 7000, 2, 1, manifest.Checkpoint),
		night(4, 8000, 1, 0, manifest.Checkpoint),
		night(2, 400, 13, 12, manifest.Complete),
		night(40, 9000, 12, 11, manifest.Complete),
		night(41, 100, 11, 0, manifest.Complete),
	} {
		sizes.add(n)
	}
	if largest := sizes.largest(now); largest != 700 {
		t.Errorf("have %d, want 700", largest)
	}
}

// What a repository in a directory has is reported, and nothing of one in a bucket.
func TestRepositorySpace(t *testing.T) {
	f := new(findings)
	if f.repositorySpace("", 1); len(f.found) > 0 {
		t.Errorf("a bucket: %+v", f.found)
	}
	dir := t.TempDir()
	if _, known := freeBytes(dir); !known {
		t.Skip("this system does not say how much is free")
	}
	const never = 1 << 60
	if f.repositorySpace(dir, never); len(f.found) != 1 || f.found[0].Status == OK || !strings.Contains(f.found[0].Finding, dir) {
		t.Errorf("have %+v", f.found)
	}
}
