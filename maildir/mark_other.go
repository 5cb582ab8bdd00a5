//go:build !windows

package maildir

// infoMark stands before the flags.
const infoMark = ':'
