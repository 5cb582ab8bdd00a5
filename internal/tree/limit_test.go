package tree

import "testing"

// However few files a process may have open, its folders and the files that wait leave some for
// all else.
func TestShares(t *testing.T) {
	for limit := int64(64); limit < 1<<20; limit += limit / 7 {
		folders, waiting := shares(limit)
		if folders < 2 || waiting < 0 || folders*dirFiles+waiting > max(limit-otherFiles, 2*dirFiles) {
			t.Errorf("of %d: %d folders and %d files", limit, folders, waiting)
		}
	}
	if folders, waiting := shares(1024); folders < 64 || waiting < 500 {
		t.Errorf("of 1024: %d folders and %d files", folders, waiting)
	}
	if folders, waiting := shares(0); folders < 64 || waiting != 0 {
		t.Errorf("of an unknown limit: %d folders and %d files", folders, waiting)
	}
}
