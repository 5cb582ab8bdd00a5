// Package removal holds no code: its test is the protocol of removal (docs/design/removing.md) as a state
// machine small enough to be searched whole. One chunk, packs that hold it, manifests that need it, and processes that stop
// before each step for any time, or for ever. With all rules in, no path loses the chunk; with any one of them taken out,
// the shortest path that does is told.
//
// Package repo drives the real code along a few of these paths, and at random along others.
package removal
