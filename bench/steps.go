package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/bench/exchange"
)

// step is something to be done by mailstrata, by its peers, and as far as there is one by a limit;
// in this order, and the other way round in every second round.
type step struct {
	name   string
	goals  goals
	before func() error // what happens first, unmeasured
	runs   []run
}

type run struct {
	who string
	do  func(context.Context) (usage, error)
}

// goals are the limits that mailstrata should keep; 0 means no goal.
type goals struct {
	wall, stored float64 // of the peers'
	raw          float64 // of a raw read
	peak         int64   // MiB
	seconds      float64 // at most so long
	beyond       float64 // at most so many seconds longer than with the servers near
}

// The names in tables.
const (
	mailstrata = "mailstrata"
	beside     = "mailstrata, near" // the same without the distance
	both       = "mbsync + restic"
	rawIMAP    = "raw IMAP read"
)

// only keeps the runs of mailstrata, and the steps that have one.
func only(steps []step) (kept []step) {
	for _, s := range steps {
		s.runs = slices.DeleteFunc(slices.Clone(s.runs), func(r run) bool { return !strings.HasPrefix(r.who, mailstrata) })
		if len(s.runs) > 0 {
			kept = append(kept, s)
		}
	}
	return kept
}

// among keeps the steps of these names, and the first, without which there is no archive; all, if
// there are no names.
func among(names []string, steps []step) []step {
	if len(names) == 0 {
		return steps
	}
	return append(steps[:1:1], slices.DeleteFunc(slices.Clone(steps[1:]), func(s step) bool { return !slices.Contains(names, s.name) })...)
}

// course is how steps are done.
type course struct {
	what  string   // shown to the person who waits
	watch *carrier // nil: nothing is recorded
	turn  int      // in odd ones, the last run is the first
	warm  bool     // the times do not count
}

// take does steps, and adds what they took to the results.
func (c course) take(ctx context.Context, results []result, steps []step) ([]result, error) {
	for i, s := range steps {
		fmt.Fprintf(os.Stderr, "%s: %s\n", c.what, s.name)
		if i == len(results) {
			results = append(results, newResult(s))
		}
		if s.before != nil {
			if err := s.before(); err != nil {
				return nil, err
			}
		}
		for k := range s.runs {
			if c.turn%2 == 1 {
				k = len(s.runs) - 1 - k
			}
			u, sum, err := c.measure(ctx, s.runs[k])
			if err != nil {
				return nil, fmt.Errorf("%s by %s: %w", s.name, s.runs[k].who, err)
			}
			at := &results[i].rows[k]
			if !c.warm {
				at.rounds = append(at.rounds, u)
			}
			if c.watch != nil {
				at.passed = append(at.passed, sum)
			}
		}
	}
	return results, nil
}

// measure does one run, and returns what passed meanwhile.
func (c course) measure(ctx context.Context, r run) (u usage, sum exchange.Summary, err error) {
	if err := do(ctx, "sync"); err != nil { // nobody is to write what another left in memory
		return u, sum, err
	}
	if c.watch != nil {
		if _, err := c.watch.take(); err != nil {
			return u, sum, err
		}
	}
	if u, err = r.do(ctx); err == nil && c.watch != nil {
		sum, err = c.watch.take()
	}
	return u, sum, err
}
