package imap_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// verdict is how a backup may end. Whatever it is, no message that the server has is missing in silence, none is there
// that it does not have, and a manifest that says to be consistent is the account.
type verdict uint8

const (
	gaps     verdict = 1 << iota // there are failures
	restless                     // it is not called consistent
	fails                        // there is an error, and no manifest
	maybe                        // it may also be whole

	whole verdict = 0 // the manifest is the account, is consistent, and tells of no failure
)

// nights are backups of one model into one repository.
type nights struct {
	t     *testing.T
	model *model
	store *storetest.Memory
	repo  *repo.Repo
}

// newNights begin with an account of every day, and an empty repository.
func newNights(t *testing.T) *nights {
	t.Helper()
	store := &storetest.Memory{}
	if _, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true}); err != nil {
		t.Fatal(err)
	}
	return resume(t, newAccount(), store)
}

// resume goes on with an account and a repository that there are.
func resume(t *testing.T, m *model, store *storetest.Memory) *nights {
	t.Helper()
	r, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &nights{t, m, store, r}
}

func newAccount() *model {
	m := newModel()
	for i := range 12 {
		m.box("INBOX").add(fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", i, strings.Repeat("text ", i)), []string{`\Seen`, "", `\Flagged work`}[i%3])
	}
	for i := range 5 {
		m.box("R&-D").add(fmt.Sprintf("Subject: work %d\r\n\r\n)\r\nM3 OK done\r\n", i), "")
	}
	m.box("Lists").add("Subject: list\r\n\r\n", "")
	m.box("Empty")
	return m
}

// change is what an ordinary day brings.
func (n *nights) change() {
	inbox, work := n.model.box("INBOX"), n.model.box("R&-D")
	inbox.add("Subject: new\r\n\r\nnew\r\n", "")
	inbox.add("Subject: newer\r\n\r\nnewer\r\n", `\Seen`)
	inbox.expunge(4)
	inbox.flag(2, `\Answered`)
	work.flag(1, `\Deleted`)
	work.expunge(2)
	n.model.box("Lists").flag(1, "work") // and as many more as there are UIDs
	n.model.box("Lists").add("Subject: more\r\n\r\n", "")
	for i := range 4 {
		n.model.box("Later").add(fmt.Sprintf("Subject: later %d\r\n\r\n%s\r\n", i, strings.Repeat("x", i)), `\Seen`)
	}
}

// backUp archives the account as it is, from a server that behaves so.
func (n *nights) backUp(odd oddity) *backup.Result {
	n.t.Helper()
	n.model.odd = odd
	source := imap.NewSource(n.model.options())
	defer synctest.Wait() // until the sessions have ended
	defer source.Close()
	ctx, cancel := context.WithTimeout(n.t.Context(), 3*time.Hour)
	defer cancel()
	backups, err := backup.Run(ctx, n.repo, []backup.Account{{Name: "anna", Source: source}}, backup.Options{})
	if err != nil {
		n.t.Fatalf("the run as a whole: %v", err)
	}
	return backups[0]
}

// place is where a message is.
type place struct {
	mailbox       string
	validity, uid uint64
}

// account is what the server has.
func (m *model) account() map[place]string {
	all := map[place]string{}
	for name, b := range m.boxes {
		for _, msg := range b.mails {
			flags, date := mail.NewFlags(strings.Fields(msg.flags)...), mail.ParseDate(cmp.Or(msg.date, "NIL"))
			all[place{name, b.validity, msg.uid}] = fmt.Sprintf("%v %s %q", flags, date, msg.body)
		}
	}
	return all
}

// archived is what the manifest has; every body is joined and verified.
func (n *nights) archived(b *backup.Result) map[place]string {
	n.t.Helper()
	c, err := archive.OpenManifest(n.t.Context(), n.repo, b.Head)
	if err != nil {
		n.t.Fatal(err)
	}
	all := map[place]string{}
	for mailbox, err := range c.Mailboxes(n.t.Context()) {
		if err != nil {
			n.t.Fatal(err)
		}
		for entry, err := range c.Entries(n.t.Context(), mailbox) {
			var body bytes.Buffer
			if err == nil {
				err = c.Body(&entry.Record).WriteTo(n.t.Context(), &body)
			}
			if err != nil {
				n.t.Fatal(err)
			}
			at := place{mailbox.Raw, uint64(mailbox.Status.UIDValidity), uint64(entry.UID)}
			if at.validity == 0 { // it was not told
				at.validity = n.model.box(mailbox.Raw).validity
			}
			all[at] = fmt.Sprintf("%v %s %q", entry.Flags, entry.Internal, body.Bytes())
		}
	}
	return all
}

// judge compares what a backup recorded with what the server has, and how it ended with how it may end.
func (n *nights) judge(night string, b *backup.Result, want verdict) {
	n.t.Helper()
	if b.Err != nil {
		if want&fails == 0 || strings.TrimSpace(b.Err.Error()) == "" {
			n.t.Errorf("%s: %v", night, b.Err)
		}
		return
	}
	m := b.Manifest
	have, has := n.archived(b), n.model.account()
	for _, at := range slices.SortedFunc(maps.Keys(has), comparePlaces) {
		failed := slices.ContainsFunc(m.Failures, func(f manifest.Failure) bool {
			return f.Mailbox == at.mailbox && (f.UID == 0 || uint64(f.UID) == at.uid)
		})
		if have[at] != has[at] && !failed {
			n.t.Errorf("%s: %v is in silence\n%s\nnot\n%s", night, at, have[at], has[at])
		}
		if have[at] != has[at] && m.Consistent {
			n.t.Errorf("%s: called consistent, without %v", night, at)
		}
	}
	for at := range have {
		failed := slices.ContainsFunc(m.Failures, func(f manifest.Failure) bool { return f.Mailbox == at.mailbox && f.UID == 0 })
		if _, there := has[at]; !there && !failed {
			n.t.Errorf("%s: %v is archived, and nowhere else: %s", night, at, have[at])
		}
	}
	ended := whole
	if len(m.Failures) > 0 {
		ended |= gaps
	}
	if !m.Consistent {
		ended |= restless
	}
	wanted := want &^ maybe
	if wanted&gaps != 0 {
		wanted |= restless
	}
	if ended != wanted && (want&maybe == 0 || ended&^wanted != 0) {
		n.t.Errorf("%s: consistent %t, failures %v, warnings %q", night, m.Consistent, m.Failures, m.Warnings)
	}
}

func comparePlaces(a, b place) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }

// in runs nights in a time of their own, in which nobody waits.
func in(t *testing.T, run func(n *nights)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { run(newNights(t)) })
}

// after runs nights that go on with an account of every day and a copy of what was stored of it by the day before.
func after(t *testing.T, stored *storetest.Memory, run func(n *nights)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := stored.Clone()
		store.Advance(24 * time.Hour)
		run(resume(t, newAccount(), store))
	})
}

// Whatever a server does, a backup ends in a right manifest, with what could not be had among its failures, or in an
// error; and once the server does as it should, the next backup is the account. It is tried on a server that did as it
// should the night before, and on one that has always been so.
func TestOddServers(t *testing.T) {
	var night, never *storetest.Memory // the night before, and the repository without it
	in(t, func(n *nights) {
		never = n.store.Clone()
		n.judge("ordinary", n.backUp(oddity{}), whole)
		night = n.store
	})
	for _, trial := range trials {
		t.Run(trial.name, func(t *testing.T) {
			t.Parallel()
			t.Run("later", func(t *testing.T) {
				after(t, night, func(n *nights) {
					n.change()
					n.judge("odd", n.backUp(trial.odd(n.model)), trial.want)
					n.judge("mended", n.backUp(oddity{}), whole)
				})
			})
			t.Run("always", func(t *testing.T) {
				after(t, never, func(n *nights) {
					n.judge("odd", n.backUp(trial.odd(n.model)), trial.want)
					n.change()
					n.judge("odd again", n.backUp(trial.odd(n.model)), trial.want)
					n.judge("mended", n.backUp(oddity{}), whole)
				})
			})
		})
	}
}
