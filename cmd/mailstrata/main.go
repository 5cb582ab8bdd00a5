// Mailstrata archives mail: it reads accounts over IMAP and keeps every night of them, deduplicated and sealed, in object
// storage or a directory.
//
// This package is what meets the user: the grammar of the command line (cli.go), one file for each command, and what
// they share: how a repository, an account and a manifest are named and found (repository.go, account.go,
// manifests.go), where secrets come from (secret.go), how results, progress and errors are told (output.go,
// progress.go, errors.go). All work is done by the packages below; nothing here knows a format.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// memoryGoal is where the collector begins to work harder, instead of letting the heap grow to twice what is in use: a
// nightly program shares its host with others. GOMEMLIMIT, where it is set, counts instead.
const memoryGoal = 90 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks a second time is obeyed at once
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	os.Exit(p.run(ctx, os.Args[1:]))
}
