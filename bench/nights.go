package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// letter is a message of a set that is delivered in some night.
type letter struct {
	path string // its file
	name string // the name of the file that it becomes
	when time.Time
	size int64
}

// letters returns the messages of a set by time. The time is that of the file, as Maildir has it.
// All go to INBOX, so that the archive has one large mailbox.
func (s *set) letters() (list []letter, err error) {
	err = eachMessage(s.path, func(path string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%d.%s", len(list), entry.Name()) // files of two folders may have one name
		list = append(list, letter{path, name, info.ModTime(), info.Size()})
		return nil
	})
	slices.SortStableFunc(list, func(a, b letter) int { return cmp.Or(a.when.Compare(b.when), strings.Compare(a.path, b.path)) })
	return list, err
}

// deliver copies messages into the INBOX of an account.
func (a *account) deliver(list []letter) error {
	for _, l := range list {
		path := filepath.Join(a.maildir, "cur", l.name)
		if err := copyFile(path, l); err != nil {
			return err
		}
		if err := os.Chown(path, nobody, nobody); err != nil {
			return err
		}
	}
	a.messages += len(list)
	return nil
}

// nobody is the number of the user nobody and of the group nogroup, on a Debian.
const nobody = 65534

// makeFolder makes a folder of a Maildir.
func (a *account) makeFolder(ctx context.Context, dir string) error {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	return do(ctx, "chown", "-R", "nobody:nogroup", dir)
}

func copyFile(to string, l letter) error {
	from, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return cmp.Or(err, f.Close(), os.Chtimes(to, l.when, l.when))
}

// nights is an account that grows night by night, and is archived each night by mailstrata and by
// its peers.
type nights struct {
	*bench
	n      int
	mail   *account
	ours   *ours
	peers  *peers
	growth []grown
}

// grown is what a program had stored when a night was over.
type grown struct {
	when   string
	who    string
	mail   int64   // bytes, as files
	nights []usage // the last ten
	size   sizes
}

// newNights makes an account without messages, and empty repositories.
func (b *bench) newNights(ctx context.Context, n int) (*nights, error) {
	b.used++
	name := fmt.Sprintf("nights%d", b.used)
	home := b.dovecot.Home(name)
	y := &nights{bench: b, n: n, mail: &account{user: name, maildir: filepath.Join(home, "Maildir")}}
	err := y.mail.makeFolder(ctx, y.mail.maildir)
	if err == nil {
		err = do(ctx, "chown", "nobody:nogroup", home)
	}
	if err == nil {
		y.ours, err = newOurs(ctx, b.servers, b.program, filepath.Join(b.dir, name, "ours"), b.near(), name+"-ours")
	}
	if err == nil && !b.alone {
		y.peers, err = newPeers(ctx, b.servers, filepath.Join(b.dir, name, "peers"), b.near(), name+"-peers")
	}
	return y, err
}

// pass lets all nights pass, with the servers near.
func (y *nights) pass(ctx context.Context, mail *set) error {
	list, err := mail.letters()
	if err != nil {
		return err
	}
	var bytes int64
	var ours, theirs []usage
	for night := range y.n {
		tonight := list[len(list)*night/y.n : len(list)*(night+1)/y.n]
		if err := y.mail.deliver(tonight); err != nil {
			return err
		}
		for _, l := range tonight {
			bytes += l.size
		}
		u, err := y.ours.backUp(ctx, y.mail)
		if err != nil {
			return err
		}
		ours = append(ours, u)
		if y.peers != nil {
			if u, err = y.peers.backUp(ctx, y.mail); err != nil {
				return err
			}
			theirs = append(theirs, u)
		}
		if at := night + 1; at == y.n/3 || at == y.n*2/3 || at == y.n {
			when := fmt.Sprintf("night %d", at)
			fmt.Fprintf(os.Stderr, "%s: %s\n", mail.name, when)
			if err := y.weigh(ctx, when, bytes, ours, theirs); err != nil {
				return err
			}
		}
	}
	return nil
}

// weigh adds what both have stored.
func (y *nights) weigh(ctx context.Context, when string, bytes int64, ours, theirs []usage) error {
	err := y.add(ctx, grown{when: when, who: mailstrata, mail: bytes, nights: lately(ours)}, y.ours.bucket)
	if y.peers != nil && err == nil {
		err = y.add(ctx, grown{when: when, who: both, mail: bytes, nights: lately(theirs)}, y.peers.bucket)
	}
	return err
}

// lately returns the last ten nights.
func lately(nights []usage) []usage { return nights[max(0, len(nights)-10):] }

// add adds a row with the objects of a bucket.
func (y *nights) add(ctx context.Context, g grown, bucket string) (err error) {
	g.size, err = y.sizes(ctx, bucket)
	y.growth = append(y.growth, g)
	return err
}

// oneShot backs up all of the mail at once into another repository, and adds what that stores.
func (y *nights) oneShot(ctx context.Context, mail *set) error {
	once, err := newOurs(ctx, y.servers, y.program, filepath.Join(y.ours.dir, "once"), y.near(), y.ours.bucket+"-once")
	if err != nil {
		return err
	}
	u, err := once.backUp(ctx, y.mail)
	if err != nil {
		return err
	}
	return y.add(ctx, grown{when: "all in one backup", who: mailstrata, mail: mail.bytes, nights: []usage{u}},
		once.bucket)
}

// table writes the growth in Markdown.
func (y *nights) table() string {
	rows := [][]string{{"", "",
		"night s", "CPU s", "mail MB", "stored MB", "objects", "data MB", "catalog MB", "index MB", "manifests MB"}}
	for i, g := range y.growth {
		of := row{rounds: g.nights}
		line := []string{g.when, g.who, unlessZero("%.2f", of.median(wall)), unlessZero("%.2f", of.median(cpu)),
			fmt.Sprintf("%.1f", float64(g.mail)/1e6), fmt.Sprintf("%.2f", float64(g.size.all().bytes)/1e6), fmt.Sprint(g.size.all().objects)}
		if i > 0 && g.when == y.growth[i-1].when {
			line[0] = ""
		}
		for _, folders := range [][]string{{"data"}, {"catalog"}, {"index"}, {"manifests", "snapshots"}} {
			var bytes int64
			for _, folder := range folders {
				bytes += g.size[folder].bytes
			}
			line = append(line, unlessZero("%.2f", float64(bytes)/1e6))
		}
		rows = append(rows, line)
	}
	return markdown(rows, 2)
}
