package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/internal/generate"
)

// fleetMail is the mail of many small accounts, as the server keeps it.
type fleetMail struct {
	root   string // of the homes
	names  []string
	random *rand.Rand
	mail   *generate.Generator
}

// newFleetMail makes n accounts with 30 to 100 short messages each, in three mailboxes.
func newFleetMail(ctx context.Context, root string, n int) (*fleetMail, error) {
	f := &fleetMail{root: root, random: rand.New(rand.NewPCG(7, 7)), mail: generate.New(7)}
	for i := range n {
		f.names = append(f.names, fmt.Sprintf("user%05d", i))
		dir := f.maildir(f.names[i])
		for j := 30 + f.random.IntN(71); j > 0; j-- {
			if err := dir.Put([]string{"INBOX", "INBOX", "Sent", "Archive"}[j%4], f.mail.Note()); err != nil {
				return nil, err
			}
		}
	}
	return f, f.give(ctx)
}

// deliver gives n of the accounts one to four new messages each. Which ones depends on the night.
// It touches only the new files: there may be hundreds of thousands of others.
func (f *fleetMail) deliver(ctx context.Context, night, n int) error {
	for _, i := range f.random.Perm(len(f.names))[:n] {
		for j := range 1 + f.random.IntN(4) {
			m := f.mail.Note()
			path := filepath.Join(f.root, f.names[i], "Maildir",
				"cur", fmt.Sprintf("%d.n%d.m%d:2,", m.Date.Unix(), night, j))
			if err := cmp.Or(os.WriteFile(path, m.Body, 0o644), os.Chown(path, nobody, nobody)); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (f *fleetMail) maildir(user string) *generate.Maildir {
	return &generate.Maildir{Root: filepath.Join(f.root, user, "Maildir")}
}

// give gives the mail to the user as whom the server reads it.
func (f *fleetMail) give(ctx context.Context) error {
	return do(ctx, "chown", "-R", "nobody:nogroup", f.root)
}

// users is the file that names the accounts.
func (f *fleetMail) users() string { return strings.Join(f.names, "\n") + "\n" }
