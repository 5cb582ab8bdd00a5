package repo

// Progress is the progress of a prune, a check or a renewal.
type Progress struct {
	Step            string // what is done now: "packs deleted"
	Done, Of        int64  // Of is 0 if the number is not known
	Bytes, AllBytes int64  // of these; 0 if they do not count
}

// progressEvery is the number of chunks between two reports of a walk.
const progressEvery = 1 << 12
