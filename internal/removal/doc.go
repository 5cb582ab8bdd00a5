// Package removal has no code: its test is the protocol of removal (docs/design/removing.md) as a
// state machine that is small enough to search completely. It has one chunk, packs that hold it,
// manifests that need it, and processes that stop before each step for any time, or forever. With
// all rules in force, no path loses the chunk. If any one of them is taken out, the test prints the
// shortest path that does.
//
// Package repo runs the real code along a few of these paths, and along random ones.
package removal
