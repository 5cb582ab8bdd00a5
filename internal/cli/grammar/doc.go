// Package grammar parses command lines with kong.
//
//	arguments ──► Translate ──► NewParser ──► Run of the command
//	              help.go       parser.go
//
// help.go prints the help, and parse_error.go explains what is wrong in a command line. guesses.go
// knows what users of other programs type first. The commands and their flags are a struct of the
// caller.
package grammar
