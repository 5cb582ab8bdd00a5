package main

import (
	"context"
	"fmt"
	"os"
)

// rareWord is in few subjects.
const rareWord = "bisect"

// steps are what is done with an archive of many nights, without a cache, from a host that reaches
// it at a distance. With pruned, it has been pruned twice.
func (y *nights) steps(o *ours, pruned bool) []step {
	fresh := func(args ...string) run {
		return run{mailstrata, func(ctx context.Context) (usage, error) { return o.fresh(ctx, args...) }}
	}
	var warm *ours // with what the first find left
	find := func(ctx context.Context) (usage, error) { return warm.run(ctx, "find", "--all", "--subject", rareWord) }
	newCache := func() (err error) {
		warm, err = o.cold()
		return err
	}
	listing := 5.0
	if pruned {
		listing = 2
	}
	steps := []step{
		{name: "list", goals: goals{seconds: 1}, runs: []run{fresh("list"), y.restic("snapshots")}},
		{name: "ls latest INBOX", goals: goals{seconds: listing}, runs: []run{fresh("ls", "latest", "INBOX")}},
		{name: "find --all --subject", goals: goals{seconds: 4}, before: newCache, runs: []run{{mailstrata, find}}},
		{name: "find again", goals: goals{seconds: 0.5}, runs: []run{{mailstrata, find}}},
		{name: fmt.Sprintf("diff latest~%d latest", y.n*2/3), goals: goals{seconds: 1.5},
			runs: []run{fresh("diff", fmt.Sprintf("latest~%d", y.n*2/3), "latest")}},
		{name: "restore to Maildir", goals: goals{seconds: 3}, runs: []run{
			{mailstrata, func(ctx context.Context) (usage, error) { return restoreCold(ctx, o, y.mail.messages) }}, y.resticRestore()}},
		{name: "check", goals: goals{seconds: 5}, runs: []run{fresh("check"), y.restic("check")}},
	}
	if pruned {
		steps = append(steps, step{name: "prune, nothing to do", goals: goals{seconds: 5}, runs: []run{fresh("prune")}})
	}
	if y.peers == nil || pruned { // restic was measured with the archive as it grew
		return only(steps)
	}
	return steps
}

// restic calls it without a cache.
func (y *nights) restic(args ...string) run {
	return run{"restic", func(ctx context.Context) (usage, error) {
		p, err := y.peers.from(y.watch.way)
		if err != nil {
			return usage{}, err
		}
		defer os.RemoveAll(p.dir)
		return p.measure(ctx, nil, "restic", append(args, "--quiet")...)
	}}
}

func (y *nights) resticRestore() run {
	return run{"restic", func(ctx context.Context) (usage, error) {
		p, err := y.peers.from(y.watch.way)
		if err != nil {
			return usage{}, err
		}
		return p.restoreTo(ctx, "out", y.mail.messages)
	}}
}

func restoreCold(ctx context.Context, o *ours, messages int) (usage, error) {
	c, err := o.cold()
	if err != nil {
		return usage{}, err
	}
	return c.restoreTo(ctx, "back", messages)
}

// measureNights measures an archive of many nights: its growth, and commands over it as it is and
// after two prunes.
func (b *bench) measureNights(ctx context.Context, s *set, o options) error {
	machine := b.machine(ctx)
	y, err := b.newNights(ctx, o.nights)
	if err == nil {
		err = y.pass(ctx, s)
	}
	if err == nil {
		err = y.oneShot(ctx, s)
	}
	if err != nil {
		return err
	}
	grown, err := y.course(ctx, "as it grew", y.ours.bucket, o.rounds, false)
	if err != nil {
		return err
	}
	bucket, err := y.prune(ctx, s)
	if err != nil {
		return err
	}
	pruned, err := y.course(ctx, "after two prunes", bucket, o.rounds, true)
	if err != nil {
		return err
	}
	title := fmt.Sprintf("%s, in %d nights", s.title(), o.nights)
	text := fmt.Sprintf("%s\nCommands over it, as it grew, %s:\n\n%s\nAfter two prunes a day apart:\n\n%s\n%s\n\n%s",
		y.table(), b.distance, table(grown), table(pruned), mediansOf(o.rounds), machine)
	fmt.Printf("\n%s\n\n%s", title, text)
	if o.write == "" {
		return nil
	}
	return document{o.write}.put(s.name+", nights", "### "+title+"\n\n"+text)
}

// course does all steps so many times.
func (y *nights) course(
	ctx context.Context, what, bucket string, rounds int, pruned bool,
) (results []result, err error) {
	for n := range rounds {
		o := y.ours.from(y.watch.way, bucket)
		c := course{what: fmt.Sprintf("%s, round %d of %d", what, n+1, rounds), watch: y.watch, turn: n}
		if results, err = c.take(ctx, results, y.steps(o, pruned)); err != nil {
			return nil, err
		}
	}
	return results, nil
}
