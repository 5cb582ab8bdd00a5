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
	"runtime"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // a container may have no time zones

	"github.com/mailstrata/mailstrata/mail/document/pdf"
)

func main() { run(new(program)) }

// run runs the program with the streams and the environment of the process, and exits.
func run(p *program) {
	if len(os.Args) == 3 && os.Args[1] == pdf.Argument {
		os.Exit(serveDocuments(os.Args[2]))
	}
	log.SetOutput(io.Discard) // package net/http reports what a server sends on a connection that carries no request
	p.stdin, p.stdout, p.stderr, p.getenv = os.Stdin, os.Stdout, os.Stderr, os.Getenv

	p.limitMemory(memoryLimit)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(p.run(ctx, os.Args[1:]))
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

// memoryLimit is the memory limit of the garbage collector, because a nightly program shares its host with others.
// GOMEMLIMIT overrides it.
const memoryLimit = 90 << 20

// archivingMemoryLimit is the memory limit of commands that store mail. It is a little above what they hold: frames
// being filled, and an encoder and a frame for each of up to four processors. With a lower limit, the collector would
// run all the time and free nothing.
func archivingMemoryLimit() int64 { return int64(66+17*min(runtime.GOMAXPROCS(0), 4)) << 20 }

// limitMemory sets the memory limit.
func (p *program) limitMemory(goal int64) {
	if p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goal)
	}
}
