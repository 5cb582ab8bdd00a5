package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/bench/exchange"
)

// fleetOptions say how many accounts of one server are archived for how many nights, by how many
// hosts beside each other.
type fleetOptions struct {
	accounts, nights, shards, parallel int
}

func (o *fleetOptions) define() {
	flag.IntVar(&o.accounts, "accounts", 0, "measure mailstrata alone, with so many small accounts on one server")
	flag.IntVar(&o.shards, "shards", 2, "how many hosts archive a share of these accounts each, at once")
	flag.IntVar(&o.parallel, "parallel", 2, "how many of these accounts a host reads at once")
}

// fleet is a server with many small accounts, a bucket, and hosts that each archive a share of the
// accounts.
type fleet struct {
	fleetOptions
	*servers
	mail  *fleetMail
	watch *carrier
	hosts []*ours
	rows  []fleetRow
}

// fleetRow is what one night, or one command, took.
type fleetRow struct {
	what     string
	accounts int // by which requests and bytes are divided
	usage
	exchange.Summary
}

// measureFleet archives a fleet for some nights, and then measures commands over the repository.
func (b *bench) measureFleet(ctx context.Context, o fleetOptions) error {
	machine := b.machine(ctx)
	f := &fleet{fleetOptions: o, servers: b.servers, watch: b.watch}
	var err error
	if f.mail, err = newFleetMail(ctx, b.dovecot.Home(""), o.accounts); err != nil {
		return err
	}
	if err := f.addHosts(ctx, b); err != nil {
		return err
	}
	if err := f.archive(ctx); err != nil {
		return err
	}
	if err := f.commands(ctx, b); err != nil {
		return err
	}
	fmt.Printf("\n%s accounts, %d nights, %d hosts, the servers %v\n\n%s\n%s",
		thousands(o.accounts), o.nights, o.shards, b.distance, fleetTable(f.rows), machine)
	return nil
}

// addHosts makes the repository on the first host, and gives all of them its key and the accounts.
func (f *fleet) addHosts(ctx context.Context, b *bench) error {
	for i := range f.shards {
		dir := filepath.Join(b.dir, fmt.Sprintf("fleet%d", i+1))
		h, err := f.host(b, dir)
		if err != nil {
			return err
		}
		if i == 0 {
			if _, err := h.run(ctx, "init", "--new-key-file", h.path("key")); err != nil {
				return err
			}
		}
		f.hosts = append(f.hosts, h)
	}
	return nil
}

// host is a host without a cache, with the configuration and the key of the fleet.
func (f *fleet) host(b *bench, dir string) (*ours, error) {
	h, err := newHost(dir, "AWS_ACCESS_KEY_ID="+f.minio.AccessKey, "AWS_SECRET_ACCESS_KEY="+f.minio.SecretKey,
		"MAILSTRATA_CONFIG="+filepath.Join(dir, "config.toml"))
	if err != nil {
		return nil, err
	}
	o := &ours{h, b.program, "fleet", f.servers, f.watch.way}
	if o.at.CA != "" {
		h.env = append(h.env, "MAILSTRATA_CA_FILE="+o.at.CA)
	}
	key := filepath.Join(b.dir, "fleet1", "key")
	files := map[string]string{
		"password": password,
		"users":    f.mail.users(),
		"config.toml": fmt.Sprintf("parallel_accounts = %d\n[[repositories]]\nplace = \"s3:%s/fleet\"\nkey_file = %q\n"+
			"[[accounts]]\nusers_file = \"users\"\nurl = %q\nsecret_file = \"password\"\n",
			f.parallel, o.at.Store, key, o.url("{user}")),
	}
	for name, text := range files {
		if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// archive archives all accounts each night. Each night but the first and the last one, a tenth of
// them got mail.
func (f *fleet) archive(ctx context.Context) error {
	for night := range f.nights {
		if news := f.accounts / 10; night > 0 && night < f.nights-1 {
			if err := f.mail.deliver(ctx, night, news); err != nil {
				return err
			}
		}
		u, t, err := f.night(ctx)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("night %d", night+1)
		if night == f.nights-1 {
			what += ", no news"
		}
		f.rows = append(f.rows, fleetRow{what, f.accounts, u, t})
		fmt.Fprintf(os.Stderr, "%s: %.1f s, %.0f MiB, %d requests\n", what, wall(u), mib(u), t.Requests)
	}
	return nil
}

// night runs a backup on all hosts at once.
func (f *fleet) night(ctx context.Context) (u usage, sum exchange.Summary, err error) {
	if _, err := f.watch.take(); err != nil {
		return u, sum, err
	}
	all := make([]usage, len(f.hosts))
	begin := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i, h := range f.hosts {
		group.Go(func() (err error) {
			all[i], err = h.run(ctx, "backup", "--shard", fmt.Sprintf("%d/%d", i+1, len(f.hosts)))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return u, sum, err
	}
	for _, one := range all {
		u = u.and(one)
	}
	u.wall = time.Since(begin)
	sum, err = f.watch.take()
	return u, sum, err
}

// commands measures what an owner does with the repository: on a host without a cache, and then
// again.
func (f *fleet) commands(ctx context.Context, b *bench) error {
	lines := [][]string{{"list", "--latest"}, {"list"}, {"stats"}, {"doctor"}, {"check"}, {"prune"}}
	for i, args := range lines {
		h, err := f.host(b, filepath.Join(b.dir, fmt.Sprintf("owner%d", i)))
		if err != nil {
			return err
		}
		for _, cache := range []string{"cold", "again"} {
			c := course{watch: f.watch}
			u, sum, err := c.measure(ctx, run{mailstrata, func(ctx context.Context) (usage, error) { return h.run(ctx, slices.Clone(args)...) }})
			if err != nil {
				return err
			}
			row := fleetRow{fmt.Sprintf("%s, %s", args[0], cache), f.accounts, u, sum}
			if len(args) > 1 && args[0] == "list" {
				row.what = "list --latest, " + cache
			}
			f.rows = append(f.rows, row)
			fmt.Fprintf(os.Stderr, "%s: %.1f s, %.0f MiB, %d requests\n", row.what, wall(u), mib(u), row.Requests)
		}
		if err := os.RemoveAll(h.dir); err != nil {
			return err
		}
	}
	return nil
}
