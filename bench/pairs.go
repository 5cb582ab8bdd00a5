package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// step is something to be done by mailstrata, by its peers, and as far as there is one by a limit; in this order, and
// the other way round in every second round.
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
	peak         int64   // MiB
}

// The names in tables.
const (
	mailstrata = "mailstrata"
	both       = "mbsync + restic"
)

// round is one course of all steps, on fresh accounts, buckets and caches.
type round struct {
	dir    string
	user   string
	mail   *account
	ours   *ours
	peers  *peers
	limits *limits
}

// bench holds what all rounds share.
type bench struct {
	*servers
	program string // mailstrata, built
	dir     string
	used    int // numbers of rounds that were made, of any set
}

func (b *bench) newRound(ctx context.Context, mail *set, endpoint string) (r *round, err error) {
	b.used++
	name := fmt.Sprintf("round%d", b.used)
	r = &round{dir: filepath.Join(b.dir, name), user: name}
	if r.mail, err = b.load(ctx, mail, name); err != nil {
		return r, err
	}
	r.ours, err = newOurs(ctx, b.servers, b.program, filepath.Join(r.dir, "ours"), endpoint, name+"-ours")
	if err != nil {
		return r, err
	}
	if r.peers, err = newPeers(ctx, b.servers, filepath.Join(r.dir, "peers"), endpoint, name+"-peers"); err != nil {
		return r, err
	}
	h, err := newHost(filepath.Join(r.dir, "limits"))
	r.limits = &limits{h, b.servers}
	if err == nil {
		_, err = r.limits.read(ctx, r.mail) // the server makes its index, and all pages are in memory, for the program that comes first
	}
	return r, err
}

// steps are those of a round.
func (r *round) steps() []step {
	on := func(f func(context.Context, *account) (usage, error)) func(context.Context) (usage, error) {
		return func(ctx context.Context) (usage, error) { return f(ctx, r.mail) }
	}
	backUps := []run{{mailstrata, on(r.ours.backUp)}, {both, on(r.peers.backUp)}}
	return []step{
		{name: "first backup", goals: goals{wall: 0.20, stored: 0.45, peak: 150},
			runs: append(slices.Clone(backUps), run{"raw IMAP read", on(r.limits.read)})},
		{name: "unchanged", goals: goals{wall: 0.05, peak: 50}, runs: backUps},
		{name: "1 % new mail", runs: backUps, before: r.mail.grow},
		{name: "restore to Maildir", goals: goals{wall: 0.50, peak: 150}, runs: []run{
			{mailstrata, on(r.ours.restoreMaildir)},
			{"restic", on(r.peers.restoreMaildir)},
			{"restic, sync", on(r.peers.restoreSynced)},
			{"cp -a", on(r.limits.copy)},
			{"cp -a, sync", on(r.limits.copySynced)},
		}},
		{name: "restore to IMAP", goals: goals{wall: 0.33, peak: 150}, runs: []run{
			{mailstrata, func(ctx context.Context) (usage, error) { return r.ours.restoreIMAP(ctx, r.mail, r.user+"-ours") }},
			{"mbsync", func(ctx context.Context) (usage, error) { return r.peers.restoreIMAP(ctx, r.mail, r.user+"-peers") }},
		}},
		{name: "check", runs: []run{{mailstrata, r.ours.check}, {"restic", r.peers.check}}},
	}
}

// compare measures a set in so many rounds. One more goes before them: it warms all up, and counts requests, through a
// proxy that would cost the others time.
//
// What a round wrote is removed only after all measurements: for minutes, ext4 does not use a freed inode again, and
// creating a file nearby walks past all of them. The next round would be slower, by several times the cost of creating
// a file.
func (b *bench) compare(ctx context.Context, mail *set, rounds int) (results []result, err error) {
	for n := range rounds + 1 {
		endpoint := b.minio.Endpoint
		if n == 0 {
			endpoint = b.counter.server.URL
		}
		r, err := b.newRound(ctx, mail, endpoint)
		if err == nil {
			what := fmt.Sprintf("%s, round %d of %d", mail.name, n, rounds)
			results, err = b.take(ctx, results, r.steps(), what, n)
		}
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// take does the steps of round n, and adds what they took to the results.
func (b *bench) take(ctx context.Context, results []result, steps []step, what string, n int) ([]result, error) {
	for i, s := range steps {
		fmt.Fprintf(os.Stderr, "%s: %s\n", what, s.name)
		if i == len(results) {
			results = append(results, newResult(s))
		}
		if s.before != nil {
			if err := s.before(); err != nil {
				return nil, err
			}
		}
		for k := range s.runs {
			if n%2 == 1 {
				k = len(s.runs) - 1 - k
			}
			if err := do(ctx, "sync"); err != nil { // nobody is to write what another left in memory
				return nil, err
			}
			b.counter.n.Store(0)
			u, err := s.runs[k].do(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s by %s: %w", s.name, s.runs[k].who, err)
			}
			if at := &results[i].rows[k]; n == 0 {
				at.requests = b.counter.n.Load()
			} else {
				at.rounds = append(at.rounds, u)
			}
		}
	}
	return results, nil
}
