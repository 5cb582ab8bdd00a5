package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// scale measures mailstrata alone, once, on an account of n short messages: does its memory grow?
func (b *bench) scale(ctx context.Context, n int) ([]result, error) {
	b.used++
	name := fmt.Sprintf("round%d", b.used)
	r := &round{dir: filepath.Join(b.dir, name), user: name}
	var err error
	if r.mail, err = b.short(ctx, r.user, n); err != nil {
		return nil, err
	}
	if r.ours, err = newOurs(ctx, b.servers, b.program, filepath.Join(r.dir, "ours"), b.near(), r.user+"-ours"); err != nil {
		return nil, err
	}
	var steps []step
	for _, s := range r.steps() {
		if s.before != nil || s.name == "restore to IMAP" {
			continue
		}
		steps = append(steps, s)
	}
	return course{what: thousands(n) + " messages"}.take(ctx, nil, only(steps))
}

// short makes an account of n short messages, in place on the server.
func (b *bench) short(ctx context.Context, user string, n int) (*account, error) {
	home := b.dovecot.Home(user)
	a := &account{user: user, maildir: filepath.Join(home, "Maildir"), messages: n}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	return a, cmp.Or(generated(ctx, shortMail, n, 0, a.maildir), do(ctx, "chown", "-R", "nobody:nogroup", home))
}
