// Package cli is what all commands of mailstrata share: the run of the program.
//
//	Process ──► New ──► Program ──► Run of the command, in a package of internal/command
//	streams,             │           │ Partial, Shrunk    done, but with problems
//	variables            │           ▼
//	                     └────────► End ──► exit status
//
// program.go has the program: its output, its repository, the flags of all commands. exit.go prints
// the error and the hint of a command, and chooses the exit status; watch.go reports it to
// monitors. help.go and values.go have texts and types of flags that several commands have.
//
// The packages below do not know commands either:
// [github.com/mailstrata/mailstrata/internal/cli/grammar] parses the command line, named finds the
// manifests and mailboxes that users name, conditions reads conditions for messages, wordindex
// opens the index of words, and summary describes manifests and messages.
package cli
