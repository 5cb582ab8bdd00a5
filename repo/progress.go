package repo

// Progress says how far something is that is done step by step: a prune, a check.
type Progress struct {
	Step            string // what is done now: "packs deleted"
	Done, Of        int64  // Of: 0 where it is not known how many there are
	Bytes, AllBytes int64  // of these; 0 where that says nothing
}

// progressEvery is how many chunks go by until it is told how far a walk is.
const progressEvery = 1 << 12
