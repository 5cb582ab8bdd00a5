//go:build race

package pdf

// maxData is larger with the race detector, which needs many times the memory of what it watches.
const maxData = 16 << 30
