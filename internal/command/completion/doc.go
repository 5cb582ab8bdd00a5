// Package completion completes command lines in shells.
//
//	mailstrata completion ──► completion.go   a script for bash, zsh or fish, from the directory scripts
//	Tab ──► the script ──► mailstrata __complete ──► complete.go   what was typed, and what comes next
//	                                                  └ archived.go   names from the repository or the configuration
//
// A completion asks no question and reports no error.
package completion
