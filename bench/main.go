// Bench measures mailstrata beside the alternative: mbsync into a Maildir, and restic from there into a bucket. It
// starts a Dovecot and a MinIO, loads mail, and prints one table for each set of mail. It needs root, because of
// Dovecot, and runs in any directory of the repository:
//
//	make bench                                      # installs what is missing, and measures generated mail
//	go run ./bench --maildir ~/Maildir --rounds 5   # mail of your own
//	go run ./bench --messages 1000000               # memory at scale, mailstrata alone
//	go run ./bench --accounts 1000 --nights 30      # many small accounts, mailstrata alone, on two hosts at once
//
// Each round measures both programs, one right after the other, in alternating order, so that other load on the machine
// affects both. The figures are medians; a ratio is the median of the ratios of the rounds.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

type options struct {
	maildirs []string
	generate int
	messages int
	rounds   int
	write    string
	fleet    fleetOptions
}

func main() {
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == rawRead:
		exit(readAll(args[1], args[2]))
	case len(args) == 4 && args[0] == generateMail:
		exit(layOut(args[1], args[2], args[3]))
	}
	var o options
	flag.Func("maildir", "measure with this Maildir++ (repeatable)", func(path string) error {
		o.maildirs = append(o.maildirs, path)
		return nil
	})
	flag.IntVar(&o.generate, "generate", 0, "measure with so many generated messages; 5,000 if nothing else is asked for")
	flag.IntVar(&o.messages, "messages", 0, "measure mailstrata alone, with so many short messages in one account")
	o.fleet.define()
	flag.IntVar(&o.rounds, "rounds", 3, "how often to measure")
	flag.StringVar(&o.write, "write", "", "write tables and charts into performance.md in this `directory`")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if len(o.maildirs) == 0 && o.generate == 0 && o.messages == 0 && o.fleet.accounts == 0 {
		o.generate = 5000
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(measureAll(ctx, o))
}

func exit(err error) {
	switch {
	case err == nil:
		os.Exit(0)
	case errors.Is(err, context.Canceled):
		os.Exit(130)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// measureAll measures what is asked for, and leaves nothing behind.
func measureAll(ctx context.Context, o options) error {
	for _, name := range o.peers() {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%w: make bench installs it", err)
		}
	}
	dir, err := os.MkdirTemp("", "mailstrata-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, program: filepath.Join(dir, mailstrata)}
	if err := do(ctx, "go", "build", "-trimpath", "-o", b.program, "github.com/mailstrata/mailstrata/cmd/mailstrata"); err != nil {
		return err
	}
	if b.servers, err = startServers(); err != nil {
		return err
	}
	defer b.close()
	sets, err := o.sets(ctx, dir)
	for _, s := range sets {
		err = cmp.Or(err, b.measureSet(ctx, s, o))
	}
	if err == nil && o.messages > 0 {
		err = b.measureScale(ctx, o)
	}
	if err == nil && o.fleet.accounts > 0 {
		err = b.measureFleet(ctx, o.fleet)
	}
	return cmp.Or(ctx.Err(), err)
}

// peers returns the programs that mailstrata is compared with.
func (o options) peers() []string {
	if len(o.maildirs) == 0 && o.generate == 0 {
		return nil
	}
	return []string{"mbsync", "restic"}
}

func (o options) sets(ctx context.Context, dir string) (sets []*set, err error) {
	for _, path := range o.maildirs {
		s, err := given(path)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	if o.generate > 0 {
		s, err := generatedSet(ctx, o.generate, dir)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	return sets, nil
}

func (b *bench) measureSet(ctx context.Context, s *set, o options) error {
	machine := b.machine(ctx)
	results, err := b.compare(ctx, s, o.rounds)
	if err != nil {
		return err
	}
	figures := s.figures(o.rounds, machine, results)
	fmt.Printf("\n%s\n\n%s", s.title(), figures)
	if o.write == "" {
		return nil
	}
	return document{o.write}.putSet(s, figures, results)
}

func (b *bench) measureScale(ctx context.Context, o options) error {
	machine := b.machine(ctx)
	results, err := b.scale(ctx, o.messages)
	if err != nil {
		return err
	}
	title, figures := thousands(o.messages)+" short messages in one account", table(results)+"\n"+machine
	fmt.Printf("\n%s\n\n%s", title, figures)
	if o.write == "" {
		return nil
	}
	return document{o.write}.put("scale", "### "+title+"\n\n"+figures)
}
