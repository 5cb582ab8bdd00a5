//go:build !race

package textindex_test

const seeds = 4
