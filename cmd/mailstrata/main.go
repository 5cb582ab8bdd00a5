// Mailstrata archives mail: it reads accounts over IMAP and keeps every night of them, deduplicated and encrypted, in
// object storage or in a directory.
//
// This package is the command line. cli.go is its grammar, and each command has a file with its flags, its help, its
// JSON and its Run. kong calls Run with what its parameters ask for: the context, the program, or the open repository.
//
// The package is large because there are some thirty commands, and each is mostly flags, help and the fields of its
// JSON. The logic is in other packages, and the commands share only the files below:
//
//	main.go ──► program.go ──► COMMAND.go ──► packages backup, restore, archive, repo
//	             │ help.go       │ manifests.go   references to manifests: latest~2, friday, 3f9a
//	             │ exit.go       │ query.go       conditions for messages
//	             └ watch.go      └ internal/access, job, secret, ui, doctor
//
// exit.go prints the error and the hint of a command, and returns its exit status; watch.go reports it to monitors.
// No file here knows the format of a repository.
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

	"github.com/mailstrata/mailstrata/mail/document/pdf"
)

func main() { start(process{}) }

// start runs the program with the streams and the environment of the process, and exits.
func start(p process) {
	if len(os.Args) == 3 && os.Args[1] == pdf.Argument {
		os.Exit(serveDocuments(os.Args[2]))
	}
	log.SetOutput(io.Discard) // package net/http reports what a server sends on a connection that carries no request
	p.stdin, p.stdout, p.stderr, p.getenv = os.Stdin, os.Stdout, os.Stderr, os.Getenv

	if p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(usualMemoryLimit)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, p, os.Args[1:]))
}

// serveDocuments is the child process of package pdf: it reads documents for the program that started it. It returns the exit
// status.
func serveDocuments(cache string) int {
	if err := pdf.Serve(os.Stdin, os.Stdout, cache); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return statusFailed
	}
	return statusDone
}
