package main

import (
	"context"
)

// ours is mailstrata on a host of its own, with a bucket of its own.
type ours struct {
	*host
	program string
	bucket  string
	servers *servers
}

// newOurs makes the repository, which a key file opens, as on a host that archives every night.
func newOurs(ctx context.Context, s *servers, program, dir, endpoint, bucket string) (*ours, error) {
	h, err := newHost(dir, "AWS_ACCESS_KEY_ID="+s.minio.AccessKey, "AWS_SECRET_ACCESS_KEY="+s.minio.SecretKey,
		"MAILSTRATA_REPO=s3:"+endpoint+"/"+bucket, "MAILSTRATA_IMAP_PASSWORD="+password)
	if err != nil {
		return nil, err
	}
	o := &ours{h, program, bucket, s}
	_, err = o.run(ctx, "init", "--new-key-file", o.path("key"))
	o.env = append(o.env, "MAILSTRATA_KEY_FILE="+o.path("key"))
	return o, err
}

// run calls mailstrata. Status 3 is of some messages that came altered or not at all; what came is counted elsewhere.
func (o *ours) run(ctx context.Context, args ...string) (usage, error) {
	return o.measure(ctx, []int{3}, o.program, append(args, "--quiet")...)
}

func (o *ours) url(user string) string { return "imap://" + user + "@" + o.servers.dovecot.Addr }

func (o *ours) backUp(ctx context.Context, a *account) (usage, error) {
	u, err := o.run(ctx, "backup", "--imap", o.url(a.user))
	if err == nil {
		u.stored, err = o.servers.stored(ctx, o.bucket)
	}
	return u, err
}

func (o *ours) restoreMaildir(ctx context.Context, a *account) (usage, error) {
	u, err := o.run(ctx, "restore", "latest", "--to", "maildir:"+o.path("back"))
	if err == nil {
		err = holds(o.path("back"), a.messages)
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
