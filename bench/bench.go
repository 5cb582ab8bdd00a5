package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// bench holds what all measurements share.
type bench struct {
	*servers
	program  string // mailstrata, built
	dir      string
	alone    bool     // without peers
	names    []string // of the steps of a set; none: all
	distance distance
	watch    *carrier // records what passes; at the distance
	used     int      // numbers of rounds that were made, of any set
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
	b := &bench{dir: dir, program: o.program, alone: o.only != "", names: o.steps, distance: o.distance}
	if b.program == "" {
		b.program = filepath.Join(dir, mailstrata)
		if err := do(ctx, "go", "build", "-trimpath", "-o", b.program, "github.com/mailstrata/mailstrata/cmd/mailstrata"); err != nil {
			return err
		}
	}
	if err := b.start(ctx); err != nil {
		return err
	}
	defer b.stop()
	sets, err := o.sets(ctx, dir)
	for _, s := range sets {
		switch {
		case err != nil:
		case o.nights > 0:
			err = b.measureNights(ctx, s, o)
		default:
			err = b.measureSet(ctx, s, o)
		}
	}
	if err == nil && o.messages > 0 {
		err = b.measureScale(ctx, o)
	}
	if err == nil && o.fleet.accounts > 0 {
		err = b.measureFleet(ctx, o.fleet)
	}
	return cmp.Or(ctx.Err(), err)
}

// start starts the servers, and what stands before them.
func (b *bench) start(ctx context.Context) (err error) {
	if b.servers, err = startServers(); err != nil {
		return err
	}
	pem := filepath.Join(b.dir, "identity.pem")
	if err = writeIdentity(pem); err == nil {
		b.watch, err = newCarrier(ctx, b.servers, b.distance, pem)
	}
	if err != nil {
		b.close()
	}
	return err
}

func (b *bench) stop() {
	b.watch.close()
	b.close()
}

// peers returns the programs that mailstrata is compared with.
func (o options) peers() []string {
	if o.only != "" || len(o.maildirs) == 0 && o.generate == 0 && o.large == 0 {
		return nil
	}
	return []string{"mbsync", "restic", notmuch}
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
	if o.large > 0 {
		s, err := largeSet(ctx, o.large, megabytes(o.size), dir)
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
	title := s.title()
	if b.distance.far() {
		title += ", " + b.distance.String()
	}
	fmt.Printf("\n%s\n\n%s", title, figures)
	switch d := (document{o.write}); {
	case o.write == "":
		return nil
	case b.distance.far():
		return d.put(s.name+", "+b.distance.String(), "### "+title+"\n\n"+figures)
	default:
		return d.putSet(s, figures, results)
	}
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
