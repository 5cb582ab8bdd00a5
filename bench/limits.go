package main

import (
	"context"
	"os"
)

// limits are lower bounds: mail is read and discarded, files are copied without reading them.
type limits struct {
	*host
	at way
}

// read runs this program to read an account, so that its time is measured like that of the others.
func (l *limits) read(ctx context.Context, a *account) (usage, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, err
	}
	return l.measure(ctx, nil, self, rawRead, l.at.Mail, a.user, l.at.CA)
}

func (l *limits) copy(ctx context.Context, a *account) (usage, error) {
	return l.measure(ctx, nil, "cp", "-a", a.maildir, l.path("copy"))
}

// copySynced does not end before the copy is on the disk: what a restore of mailstrata promises.
func (l *limits) copySynced(ctx context.Context, a *account) (usage, error) {
	copied, err := l.measure(ctx, nil, "cp", "-a", a.maildir, l.path("synced"))
	if err != nil {
		return usage{}, err
	}
	synced, err := l.sync(ctx, "synced")
	return copied.and(synced), err
}
