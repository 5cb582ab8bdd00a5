package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

type options struct {
	maildirs []string
	generate int
	large    int
	size     int // of these, megabytes
	messages int
	nights   int
	rounds   int
	write    string
	program  string
	only     string
	steps    []string
	distance distance
	fleet    fleetOptions
}

// check refuses what cannot be measured, and adds what is measured if nothing is asked for.
func (o *options) check() error {
	switch {
	case o.rounds < 1:
		return errors.New("--rounds is at least 1")
	case o.nights < 0 || o.nights == 1 || o.nights == 2:
		return errors.New("--nights is at least 3")
	case o.only != "" && o.only != mailstrata:
		return errors.New("--only knows mailstrata alone")
	case o.distance.far() && o.messages > 0:
		return errors.New("--latency, --rate and --tls are not for --messages")
	}
	o.fleet.nights = cmp.Or(o.nights, 30)
	if len(o.maildirs) == 0 && o.generate == 0 && o.large == 0 && o.messages == 0 && o.fleet.accounts == 0 {
		o.generate = 5000
	}
	return nil
}

func main() {
	switch args := os.Args[1:]; {
	case len(args) == 4 && args[0] == rawRead:
		exit(readAll(args[1], args[2], args[3]))
	case len(args) == 5 && args[0] == pruneTwice:
		exit(pruneCopy(context.Background(), args[1], args[2], args[3], args[4]))
	case len(args) == 2 && args[0] == carry:
		exit(carryAll(args[1], os.Stdin, os.Stdout))
	case len(args) == 5 && args[0] == generateMail:
		exit(layOut(args[1], args[2], args[3], args[4]))
	}
	var o options
	flag.Func("maildir", "measure with this Maildir++ (repeatable)", func(path string) error {
		o.maildirs = append(o.maildirs, path)
		return nil
	})
	flag.IntVar(&o.generate, "generate",
		0, "measure with so many generated messages; 5,000 if nothing else is asked for")
	flag.IntVar(&o.large, "large", 0, "measure with so many messages that have a large file each")
	flag.IntVar(&o.size, "large-size", 20, "the size of such a message, in `MB`")
	flag.IntVar(&o.messages, "messages", 0, "measure mailstrata alone, with so many short messages in one account")
	flag.IntVar(&o.nights, "nights", 0, "archive the mail night by night, in so many; 30 for --accounts")
	o.fleet.define()
	flag.IntVar(&o.rounds, "rounds", 3, "how often to measure")
	flag.StringVar(&o.write, "write", "", "write tables and charts into performance.md in this `directory`")
	flag.StringVar(&o.program, "program", "", "measure this mailstrata, not one that is built from this directory")
	flag.StringVar(&o.only, "only", "", "measure this `program` alone: mailstrata")
	flag.Func("steps", "measure these `steps` alone, and the first backup: names as in the table, with commas", func(names string) error {
		o.steps = strings.Split(names, ",")
		return nil
	})
	flag.DurationVar(&o.distance.RoundTrip, "latency", 0, "the `time` of a round trip to the servers, there and back, such as 50ms")
	flag.Var(&o.distance.Rate, "rate", "the `rate` of the line to the servers, each way, such as 100Mbit")
	flag.BoolVar(&o.distance.TLS, "tls", false, "reach the servers by TLS 1.3")
	flag.Parse()
	err := o.check()
	if flag.NArg() > 0 {
		err = fmt.Errorf("%q is no flag", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		flag.Usage()
		os.Exit(2)
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
