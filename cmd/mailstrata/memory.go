package main

import (
	"runtime"
	"runtime/debug"
)

// memoryGoal is where the collector begins to work harder, instead of letting the heap grow to twice what is in use: a
// nightly program shares its host with others. GOMEMLIMIT, where it is set, counts instead.
const memoryGoal = 90 << 20

// archivingGoal is the goal where much may be stored: a little above what is held then, which are frames being filled, and for
// each processor, up to four, an encoder and a frame. Were it below that, the collector would run all the time and free nothing,
// as it once did for a tenth of a first backup.
func archivingGoal() int64 { return int64(66+17*min(runtime.GOMAXPROCS(0), 4)) << 20 }

// aimAt sets the goal.
func (p *program) aimAt(goal int64) {
	if p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goal)
	}
}
