// Mailstrata archives mail: it reads accounts over IMAP or JMAP, or mail in files, and keeps every
// night of them, deduplicated and encrypted, in object storage, in a directory or on another host.
//
// This package is the program. cli.go is the grammar of its command line: a field for each command,
// whose type is in a package of internal/command and has its flags, its help, its JSON and its Run.
// kong calls Run with what its parameters ask for: the context, the program, or the open
// repository.
//
//	main.go ──► run.go ──► cli.go ──► internal/command/… ──► packages backup, restore, archive, repo
//	             │                     │ internal/cli          the run: output, exit status, monitors
//	             │                     │ internal/cli/named    references to manifests: latest~2, friday, 3f9a
//	             │                     └ internal/access, job, secret, ui, doctor
//	             └ internal/cli/grammar    the parser, the help, errors of the command line
//
// man.go and version.go are the commands that need the grammar or belong to no other. No package of
// the command line knows the format of a repository.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // a container may have no time zones

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/mail/document/pdf"
)

func main() { start(cli.Process{}) }

// start runs the program with the streams and the environment of the process, and exits.
func start(p cli.Process) {
	if len(os.Args) == 3 && os.Args[1] == pdf.Argument {
		os.Exit(serveDocuments(os.Args[2]))
	}
	log.SetOutput(io.Discard) // package net/http reports what a server sends on a connection that carries no request
	p.Stdin, p.Stdout, p.Stderr, p.Getenv = os.Stdin, os.Stdout, os.Stderr, os.Getenv

	if p.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(cli.UsualMemoryLimit)
	}
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // which nohup ignores
		signals = append(signals, syscall.SIGHUP) // the terminal is closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, p, os.Args[1:]))
}

// serveDocuments is the child process of package pdf: it reads documents for the program that
// started it. It returns the exit status.
func serveDocuments(cache string) int {
	if err := pdf.Serve(os.Stdin, os.Stdout, cache); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return cli.StatusFailed
	}
	return cli.StatusDone
}
