// Package ui writes what a command shows, and asks its questions.
//
//	results ──► Output ──► pager.go ──► standard output
//	              │ table.go, text.go              tables, bars, safe text, JSON (output.go)
//	notes   ──► console.go ──────────► standard error
//	              │ progress.go                    the progress line, on a terminal
//	questions ► ask.go ──────────────► the terminal
//
// Text from servers and messages can do nothing to a terminal: [Safe] escapes it, and tables, facts
// and JSON use it. On a terminal, output has colors and fits the width (screen.go); elsewhere it
// has neither, and nothing is cut. Under systemd, each line of standard error begins with its
// priority (journal_unix.go).
package ui
