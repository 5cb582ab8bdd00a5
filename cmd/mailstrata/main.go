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
	"syscall"
)

func main() { run(new(program)) }

// run runs the program with the streams and the environment of the process, and exits.
func run(p *program) {
	p.stdin, p.stdout, p.stderr, p.getenv = os.Stdin, os.Stdout, os.Stderr, os.Getenv

	p.aimAt(memoryGoal)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks a second time is obeyed at once
	os.Exit(p.run(ctx, os.Args[1:]))
}
