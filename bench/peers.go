package main

import (
	"cmp"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"text/template"
)

// peers are what a user would pick instead: mbsync into a Maildir, and restic from there into a
// bucket.
type peers struct {
	*host
	bucket  string
	servers *servers
	at      way
}

func newPeers(ctx context.Context, s *servers, dir string, at way, bucket string) (*peers, error) {
	h, err := newHost(dir, "AWS_ACCESS_KEY_ID="+s.minio.AccessKey, "AWS_SECRET_ACCESS_KEY="+s.minio.SecretKey,
		"RESTIC_REPOSITORY=s3:"+at.Store+"/"+bucket, "RESTIC_PASSWORD="+password, "RESTIC_CACHE_DIR="+filepath.Join(dir, "cache"),
		"SSL_CERT_FILE="+at.CA)
	if err != nil {
		return nil, err
	}
	p := &peers{h, bucket, s, at}
	if err = os.Mkdir(p.path("Mail"), 0o755); err == nil {
		_, err = p.measure(ctx, nil, "restic", "init", "--quiet")
	}
	return p, err
}

// from is the same host with another way to the servers, and without a cache: a new directory,
// which the caller removes.
func (p *peers) from(at way) (*peers, error) {
	dir, err := os.MkdirTemp(p.dir, "cold-")
	if err != nil {
		return nil, err
	}
	h := &host{dir, append(slices.Clone(p.env), "HOME="+dir, "TMPDIR="+dir, "RESTIC_REPOSITORY=s3:"+at.Store+"/"+p.bucket,
		"RESTIC_CACHE_DIR="+filepath.Join(dir, "cache"), "SSL_CERT_FILE="+at.CA)}
	return &peers{h, p.bucket, p.servers, at}, nil
}

// mbsyncrc has what makes mbsync fast (FSync no), and what is asked of both (the messages' dates).
const mbsyncrc = `FSync no

IMAPAccount server
Host {{.Host}}
Port {{.Port}}
User {{.User}}
Pass {{.Password}}
{{with .CA}}SSLType IMAPS
CertificateFile {{.}}{{else}}SSLType None{{end}}
AuthMechs LOGIN

IMAPStore far
Account server

MaildirStore near
SubFolders Verbatim
Path {{.Mail}}/
Inbox {{.Mail}}/INBOX

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Sync {{.Sync}}
SyncState {{.State}}/
CopyArrivalDate yes
`

// mbsync pulls an account into a directory, or pushes it back.
func (p *peers) mbsync(ctx context.Context, sync, user, mail string) (usage, error) {
	host, port, err := net.SplitHostPort(p.at.Mail)
	if err != nil {
		return usage{}, err
	}
	state := p.path(sync)
	if err := os.MkdirAll(state, 0o755); err != nil {
		return usage{}, err
	}
	rc, err := os.Create(state + ".rc")
	if err != nil {
		return usage{}, err
	}
	err = template.Must(template.New("mbsyncrc").Parse(mbsyncrc)).Execute(rc, map[string]string{
		"Host": host, "Port": port, "User": user, "Password": password, "Mail": mail, "Sync": sync, "State": state, "CA": p.at.CA,
	})
	if err := cmp.Or(err, rc.Close()); err != nil {
		return usage{}, err
	}
	return p.measure(ctx, nil, "mbsync", "-q", "-c", rc.Name(), "all")
}

func (p *peers) backUp(ctx context.Context, a *account) (usage, error) {
	pulled, err := p.mbsync(ctx, "Pull", a.user, p.path("Mail"))
	if err == nil {
		err = holds(p.path("Mail"), a.messages)
	}
	if err != nil {
		return usage{}, err
	}
	kept, err := p.measure(ctx, nil, "restic", "backup", "--quiet", "Mail")
	if err == nil {
		kept.stored, err = p.servers.stored(ctx, p.bucket)
	}
	return pulled.and(kept), err
}

func (p *peers) restoreMaildir(ctx context.Context, a *account) (usage, error) {
	return p.restoreTo(ctx, "out", a.messages)
}

// restoreSynced does not end before what was restored is on the disk, which restic does not wait
// for.
func (p *peers) restoreSynced(ctx context.Context, a *account) (usage, error) {
	restored, err := p.restoreTo(ctx, "synced", a.messages)
	if err != nil {
		return usage{}, err
	}
	synced, err := p.sync(ctx, "synced")
	return restored.and(synced), err
}

func (p *peers) restoreTo(ctx context.Context, name string, messages int) (usage, error) {
	u, err := p.measure(ctx, nil, "restic", "restore", "latest", "--quiet", "--target", p.path(name))
	if err == nil {
		err = holds(p.path(name), messages)
	}
	return u, err
}

// restoreIMAP pushes what restic restored. That it had to be restored before is not counted.
func (p *peers) restoreIMAP(ctx context.Context, a *account, user string) (usage, error) {
	u, err := p.mbsync(ctx, "Push", user, filepath.Join(p.path("out"), "Mail"))
	if err == nil {
		err = holds(p.servers.dovecot.Home(user), a.messages)
	}
	return u, err
}

func (p *peers) check(ctx context.Context) (usage, error) {
	return p.measure(ctx, nil, "restic", "check", "--quiet", "--read-data")
}
