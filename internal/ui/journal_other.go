//go:build !unix

package ui

import "io"

func isJournal(io.Writer, string) bool { return false }
