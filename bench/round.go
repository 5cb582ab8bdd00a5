package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"
)

// round is one course of all steps, on fresh accounts, buckets and caches.
type round struct {
	dir    string
	user   string
	mail   *account
	ours   *ours
	peers  *peers // nil: mailstrata alone
	limits *limits
}

// newRound loads the mail, and makes the hosts. They reach the servers the way that is given.
func (b *bench) newRound(ctx context.Context, mail *set, at way) (r *round, err error) {
	b.used++
	name := fmt.Sprintf("round%d", b.used)
	r = &round{dir: filepath.Join(b.dir, name), user: name}
	if r.mail, err = b.load(ctx, mail, name); err != nil {
		return r, err
	}
	r.ours, err = newOurs(ctx, b.servers, b.program, filepath.Join(r.dir, "ours"), at, name+"-ours")
	if err != nil {
		return r, err
	}
	if !b.alone {
		if r.peers, err = newPeers(ctx, b.servers, filepath.Join(r.dir, "peers"), at, name+"-peers"); err != nil {
			return r, err
		}
	}
	h, err := newHost(filepath.Join(r.dir, "limits"))
	r.limits = &limits{h, at}
	if err == nil { // the server makes its index, and all pages are in memory, for the program that comes first
		_, err = (&limits{h, b.near()}).read(ctx, r.mail)
	}
	return r, err
}

// steps are those of a round.
func (r *round) steps() []step {
	on := func(f func(context.Context, *account) (usage, error)) func(context.Context) (usage, error) {
		return func(ctx context.Context) (usage, error) { return f(ctx, r.mail) }
	}
	backUps := []run{{mailstrata, on(r.ours.backUp)}, {both, on(r.peers.backUp)}}
	steps := []step{
		{name: "first backup", goals: goals{wall: 0.20, stored: 0.45, peak: 150},
			runs: append(slices.Clone(backUps), run{rawIMAP, on(r.limits.read)})},
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
	return append(steps, r.wordSteps()...)
}

// farSteps are the same, where the servers are far away, with the goals of there.
func (r *round) farSteps(d distance) []step {
	steps := r.steps()
	for i := range steps {
		switch s := &steps[i]; s.name {
		case "first backup":
			s.goals.wall = 0.25
		case "unchanged":
			if s.goals.wall, s.goals.seconds = 0, 0.40; d.TLS {
				s.goals.seconds = 0.45
			}
			s.before = settle
		case "restore to Maildir":
			near := r.ours.from(r.ours.servers.near(), r.ours.bucket)
			s.goals.wall, s.goals.beyond = 0, 0.40
			s.runs = slices.Insert(slices.Clone(s.runs), 2, run{beside, func(ctx context.Context) (usage, error) {
				return near.restoreTo(ctx, "near", r.mail.messages)
			}})
		default:
			s.goals.wall = 0
		}
	}
	cold := func(args ...string) []run {
		return []run{{mailstrata, func(ctx context.Context) (usage, error) { return r.ours.fresh(ctx, args...) }}}
	}
	return append(steps,
		step{name: "list", runs: cold("list")},
		step{name: "ls", runs: cold("ls", "latest")},
		step{name: "find", runs: cold("find", "--all", "--subject", "report")},
		step{name: "prune", runs: cold("prune")})
}

// settle waits until the last manifest is so old that a backup can use a survey that it took while
// it opened the repository (package backup, mayBeEarly): the clocks of the host and of the store
// may differ by five seconds. Nights are a day apart, and never need the survey that a backup takes
// within this time.
func settle() error {
	time.Sleep(6 * time.Second)
	return nil
}

// largeSteps are those that large messages make slow.
func largeSteps(steps []step) (kept []step) {
	for _, s := range steps {
		switch s.name {
		case "first backup":
			s.goals = goals{raw: 3, peak: 150}
		case "restore to Maildir":
			s.goals = goals{wall: 1, peak: 150}
		case "unchanged", "check":
			s.goals = goals{}
		default:
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// clear removes what a round wrote. With few files it costs the next round nothing, see compare.
func (b *bench) clear(ctx context.Context, r *round) error {
	err := cmp.Or(os.RemoveAll(r.dir), os.RemoveAll(b.dovecot.Home(r.user)))
	buckets := []string{r.ours.bucket}
	if r.peers != nil {
		buckets = append(buckets, r.peers.bucket)
	}
	for _, bucket := range buckets {
		err = cmp.Or(err, b.client.RemoveBucketWithOptions(ctx, bucket, minio.RemoveBucketOptions{ForceDelete: true}))
	}
	return err
}

// compare measures a set in so many rounds. Where the servers are near, one more goes before them:
// it warms all up, and counts requests, through a proxy that would cost the others time.
//
// What a round wrote is removed only after all measurements: for minutes, ext4 does not use a freed
// inode again, and creating a file nearby walks past all of them. The next round would be slower,
// by several times the cost of creating a file.
func (b *bench) compare(ctx context.Context, mail *set, rounds int) (results []result, err error) {
	first := 0
	if b.distance.far() || mail.large {
		first = 1
	}
	for n := first; n <= rounds; n++ {
		c := course{what: fmt.Sprintf("%s, round %d of %d", mail.name, n, rounds), turn: n, warm: n == 0}
		at := b.near()
		if c.warm || b.distance.far() {
			at, c.watch = b.watch.way, b.watch
		}
		r, err := b.newRound(ctx, mail, at)
		if err == nil {
			steps := r.steps()
			if b.distance.far() {
				steps = r.farSteps(b.distance)
			}
			if mail.large {
				steps = largeSteps(steps)
			}
			if b.alone {
				steps = only(steps)
			}
			results, err = c.take(ctx, results, among(b.names, steps))
		}
		if err == nil && mail.large {
			err = b.clear(ctx, r)
		}
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return nil, err
		}
	}
	return results, nil
}
