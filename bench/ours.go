package main

import (
	"context"
	"os"
	"slices"
)

// ours is mailstrata on a host of its own, with a bucket of its own.
type ours struct {
	*host
	program string
	bucket  string
	servers *servers
	at      way
}

// newOurs makes the repository, which a key file opens, as on a host that archives every night.
func newOurs(ctx context.Context, s *servers, program, dir string, at way, bucket string) (*ours, error) {
	h, err := newHost(dir, "AWS_ACCESS_KEY_ID="+s.minio.AccessKey, "AWS_SECRET_ACCESS_KEY="+s.minio.SecretKey,
		"MAILSTRATA_REPO=s3:"+at.Store+"/"+bucket, "MAILSTRATA_IMAP_PASSWORD="+password)
	if err != nil {
		return nil, err
	}
	if at.CA != "" {
		h.env = append(h.env, "MAILSTRATA_CA_FILE="+at.CA)
	}
	o := &ours{h, program, bucket, s, at}
	_, err = o.run(ctx, "init", "--new-key-file", o.path("key"))
	o.env = append(o.env, "MAILSTRATA_KEY_FILE="+o.path("key"))
	return o, err
}

// run calls mailstrata. Status 3 is of some messages that came altered or not at all; what came is
// counted elsewhere.
func (o *ours) run(ctx context.Context, args ...string) (usage, error) {
	return o.measure(ctx, []int{3}, o.program, append(args, "--quiet")...)
}

// from is the same host with another way to the servers, and perhaps another bucket with the same
// key.
func (o *ours) from(at way, bucket string) *ours {
	h := &host{o.dir, append(slices.Clone(o.env), "MAILSTRATA_REPO=s3:"+at.Store+"/"+bucket)}
	if at.CA != "" {
		h.env = append(h.env, "MAILSTRATA_CA_FILE="+at.CA)
	}
	return &ours{h, o.program, bucket, o.servers, at}
}

// cold is the same host without a cache, in a new directory.
func (o *ours) cold() (*ours, error) {
	dir, err := os.MkdirTemp(o.dir, "cold-")
	if err != nil {
		return nil, err
	}
	h := &host{dir, append(slices.Clone(o.env), "HOME="+dir, "TMPDIR="+dir)}
	return &ours{h, o.program, o.bucket, o.servers, o.at}, nil
}

// fresh calls mailstrata without a cache.
func (o *ours) fresh(ctx context.Context, args ...string) (usage, error) {
	c, err := o.cold()
	if err != nil {
		return usage{}, err
	}
	defer os.RemoveAll(c.dir)
	return c.run(ctx, args...)
}

func (o *ours) url(user string) string {
	scheme := "imap://"
	if o.at.CA != "" {
		scheme = "imaps://"
	}
	return scheme + user + "@" + o.at.Mail
}

func (o *ours) backUp(ctx context.Context, a *account) (usage, error) {
	u, err := o.run(ctx, "backup", "--imap", o.url(a.user))
	if err == nil {
		u.stored, err = o.servers.stored(ctx, o.bucket)
	}
	return u, err
}

func (o *ours) restoreMaildir(ctx context.Context, a *account) (usage, error) {
	return o.restoreTo(ctx, "back", a.messages)
}

func (o *ours) restoreTo(ctx context.Context, name string, messages int) (usage, error) {
	u, err := o.run(ctx, "restore", "latest", "--to", "maildir:"+o.path(name))
	if err == nil {
		err = holds(o.path(name), messages)
	}
	return u, err
}

func (o *ours) restoreIMAP(ctx context.Context, a *account, user string) (usage, error) {
	u, err := o.run(ctx, "restore", "latest", "--to", o.url(user))
	if err == nil {
		err = holds(o.servers.dovecot.Home(user), a.messages)
	}
	return u, err
}

func (o *ours) check(ctx context.Context) (usage, error) { return o.run(ctx, "check", "--read-data") }
