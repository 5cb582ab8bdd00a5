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
	night := func(days int, bytes int64, first bool) archive.Summary {
		m := &manifest.Manifest{Totals: manifest.Totals{NewBytes: bytes}}
		if !first {
			m.Parent = [32]byte{1}
		}
		return archive.Summary{Head: repo.Head{Time: now.AddDate(0, 0, -days)}, Manifest: m}
	}
	sizes := make(nightSizes)
	for _, n := range []archive.Summary{
		night(40, 9000, false), night(3, 8000, true), night(2, 300, false), night(2, 400, false), night(1, 500, false),
	} {
		sizes.add(n, now)
	}
	if largest := sizes.largest(); largest != 700 {
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
