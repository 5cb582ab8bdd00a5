package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// notmuch indexes the Maildir that mbsync has pulled, as many people do. Its index is stored beside
// the Maildir, so that restic does not back it up.
const notmuch = "notmuch"

// wordSteps are the index of words, and searches with it for a word that many messages have, and
// for two.
func (r *round) wordSteps() []step {
	find := func(text string) []run {
		return []run{
			{mailstrata, func(ctx context.Context) (usage, error) {
				return r.ours.run(ctx, "find", "--limit", "20", "--text", text)
			}},
			{notmuch, func(ctx context.Context) (usage, error) {
				return r.peers.measure(ctx, nil, notmuch, "search", "--limit=20", text)
			}},
		}
	}
	return []step{
		{name: "index of words", goals: goals{peak: 200}, runs: []run{{mailstrata, r.ours.indexWords}, {notmuch, func(ctx context.Context) (usage, error) {
			return r.peers.indexWords(ctx)
		}}}},
		{name: "find a word", runs: find("report")},
		{name: "find two words", runs: find("report please")},
	}
}

// indexWords builds the index of words. It is what is stored.
func (o *ours) indexWords(ctx context.Context) (usage, error) {
	u, err := o.run(ctx, "index", "build")
	if err == nil {
		found, _ := filepath.Glob(filepath.Join(o.dir, ".cache", "mailstrata", "*", "words"))
		if len(found) != 1 {
			return u, fmt.Errorf("mailstrata has %d indexes", len(found))
		}
		u.stored, err = sizeOf(found[0])
	}
	return u, err
}

func (p *peers) indexWords(ctx context.Context) (usage, error) {
	index := p.path("notmuch")
	config := fmt.Sprintf("[database]\nmail_root=%s\npath=%s\n[new]\ntags=new\n", p.path("Mail"), index)
	if err := cmp.Or(os.MkdirAll(index, 0o755), os.WriteFile(p.path(".notmuch-config"), []byte(config), 0o600)); err != nil {
		return usage{}, err
	}
	u, err := p.measure(ctx, nil, notmuch, "new", "--quiet")
	if err == nil {
		u.stored, err = sizeOf(index)
	}
	return u, err
}

// sizeOf returns the bytes of the files below a directory.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
