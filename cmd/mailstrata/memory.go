package main

import (
	"runtime"
	"runtime/debug"
)

// memoryGoal is the memory limit of the garbage collector, because a nightly program shares its host with others.
// GOMEMLIMIT overrides it.
const memoryGoal = 90 << 20

// archivingGoal is the memory limit of commands that store mail. It is a little above what they hold: frames being
// filled, and an encoder and a frame for each of up to four processors. With a lower limit, the collector would run all
// the time and free nothing.
func archivingGoal() int64 { return int64(66+17*min(runtime.GOMAXPROCS(0), 4)) << 20 }

// aimAt sets the memory limit.
func (p *program) aimAt(goal int64) {
	if p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goal)
	}
}
