package imap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// look reads back what was appended, as far as servers are known to change it: flags, date and size of every message,
// and all the bytes of those that are odd or changed their size. Keywords that could not go along are stored first.
func (f *folder) look(ctx context.Context, added []*item) error {
	byUID := map[mail.UID]*item{}
	var uids mail.UIDSet
	for _, it := range added {
		if it.uid == 0 {
			for _, keyword := range it.later {
				it.changed("keyword %s left out", printable(keyword))
			}
			continue
		}
		byUID[it.uid] = it
		uids.Add(it.uid)
	}
	return f.patiently(ctx, func() error {
		if err := f.storeLabels(ctx, byUID, uids); err != nil {
			return err
		}
		if err := f.storeLater(ctx, byUID, uids); err != nil {
			return err
		}
		odd, seen, err := f.compareOverview(ctx, byUID, uids)
		if err != nil {
			return err
		}
		if err := f.compareBytes(ctx, byUID, odd); err != nil {
			return err
		}
		return f.missLost(ctx, byUID, seen)
	})
}

var errNotThere = errors.New("the server said that it took it, but does not have it")

// missLost finds what the server took and does not show. A NOOP first: some servers tell a session of new messages no
// sooner. What is not there then was not added.
func (f *folder) missLost(ctx context.Context, byUID map[mail.UID]*item, seen mail.UIDSet) error {
	var unseen mail.UIDSet
	for uid := range byUID {
		if !seen.Contains(uid) {
			unseen.Add(uid)
		}
	}
	if unseen.Len() == 0 {
		return nil
	}
	if err := f.c.do(ctx, newCommand("NOOP")); err != nil {
		return err
	}
	for r := range unseen.Ranges() {
		there, err := f.c.fetchUIDs(ctx, r)
		if err != nil {
			return err
		}
		for uid := r.First; uid <= r.Last; uid++ {
			if fate := byUID[uid].fate; !there.Contains(uid) {
				fate.Added, fate.Refused = false, errNotThere
			}
		}
	}
	return nil
}

// storeLater sets keywords one by one, each on all the messages that have it. What is refused once is not tried again.
func (f *folder) storeLater(ctx context.Context, byUID map[mail.UID]*item, uids mail.UIDSet) error {
	wanting := map[string]mail.UIDSet{}
	for uid := range uids.All() {
		for _, keyword := range byUID[uid].later {
			set := wanting[keyword]
			set.Add(uid)
			wanting[keyword] = set
		}
	}
	for keyword, set := range wanting {
		if f.refusedKeywords[keyword] {
			continue
		}
		if err := f.c.Store(ctx, set, "+", []string{keyword}); isRefused(err) {
			f.refusedKeywords[keyword] = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// compareOverview reports flags and dates that are not as sent. It returns the messages whose bytes are in doubt, and
// which are there at all.
func (f *folder) compareOverview(ctx context.Context, byUID map[mail.UID]*item, uids mail.UIDSet) (odd []mail.Message, seen mail.UIDSet, err error) {
	for r := range uids.Ranges() {
		for m, err := range f.c.overview(ctx, r) {
			if err != nil {
				return nil, seen, err
			}
			it := byUID[m.UID]
			seen.Add(m.UID)
			for _, flag := range slices.Concat(it.flags, it.later) {
				if !m.Flags.Has(flag) {
					it.changedOnce("%s was not kept", flagWords(flag))
				}
			}
			if it.date != "" && m.Internal.Seconds != it.Internal.Seconds {
				it.changedOnce("the date %s became %s", it.Internal, printable(m.Internal.String()))
			}
			if m.Size != it.spool.size || it.odd.any() {
				odd = append(odd, m)
			}
		}
	}
	return odd, seen, nil
}

func flagWords(flag string) string {
	if strings.HasPrefix(flag, `\`) {
		return "flag " + printable(flag)
	}
	return "keyword " + printable(flag)
}

// compareBytes downloads messages and says how they differ from what was sent.
func (f *folder) compareBytes(ctx context.Context, byUID map[mail.UID]*item, odd []mail.Message) error {
	return f.c.Bodies(ctx, odd, func(uid mail.UID, content io.Reader) error {
		it := byUID[uid]
		sent, err := it.spool.open()
		if err != nil {
			return err
		}
		same := &comparer{want: sent}
		text := newDigester()
		if _, err := io.Copy(io.MultiWriter(same, text), content); err != nil {
			return err
		}
		if same.equal() {
			return nil
		}
		it.fate.Altered = true
		mine := newDigester()
		if err := it.spool.writeTo(mine); err != nil {
			return err
		}
		if mine.sum() != text.sum() {
			it.changedOnce("the server altered its bytes")
			return nil
		}
		if it.odd.bareLF {
			it.changedOnce("bare line feeds became CRLF")
		}
		if it.odd.bareCR() {
			it.changedOnce("bare carriage returns were dropped")
		}
		if it.odd.nul {
			it.changedOnce("NUL became 0x80")
		}
		return nil
	})
}

// changedOnce notes a change, if it is not noted yet.
func (it *item) changedOnce(format string, args ...any) {
	it.changed(format, args...)
	if n := len(it.fate.Changed) - 1; slices.Contains(it.fate.Changed[:n], it.fate.Changed[n]) {
		it.fate.Changed = it.fate.Changed[:n]
	}
}

// comparer compares what is written to it with what it reads.
type comparer struct {
	want   io.Reader
	differ bool
	buf    []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	if !c.differ {
		c.buf = slices.Grow(c.buf[:0], len(p))[:len(p)]
		_, err := io.ReadFull(c.want, c.buf)
		c.differ = err != nil || !bytes.Equal(p, c.buf)
	}
	return len(p), nil
}

// equal reports whether all was the same, and nothing more was wanted.
func (c *comparer) equal() bool {
	var one [1]byte
	n, _ := io.ReadFull(c.want, one[:])
	return !c.differ && n == 0
}
