package main

import (
	"os"
	"syscall"
)

// peak is the largest resident set that a process had, in bytes.
func peak(p *os.ProcessState) int64 { return p.SysUsage().(*syscall.Rusage).Maxrss << 10 }
