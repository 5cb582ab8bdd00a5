package tree

const (
	// dirFiles is how many files of a process a Dir takes.
	dirFiles = 4

	// otherFiles are for all else: the repository, its cache, connections, and files that are read.
	otherFiles = 48

	// mostFolders is what a restore opens at once at most.
	mostFolders = 64

	// mostOpen is more files than usually wait (backlog and batchFiles). The kernel keeps about 1
	// KB of each in memory.
	mostOpen = 8192
)

// shares divides the files that a process may have open: how many folders may be open at once, and
// how many files may stay open until they have their names. The limit 0 is not known.
func shares(limit int64) (folders, waiting int64) {
	if limit == 0 {
		return mostFolders, 0
	}
	spare := max(0, limit-otherFiles)
	folders = min(max(spare/2/dirFiles, 2), mostFolders)
	return folders, min(max(0, spare-folders*dirFiles), limit/2, mostOpen)
}
