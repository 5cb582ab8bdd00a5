//go:build race

package textindex_test

// seeds is one with the race detector, whose record of stacks grows with each call that SQLite
// makes: four take eight minutes.
const seeds = 1
