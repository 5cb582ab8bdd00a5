package imapsource_test

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
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// verdict is how a backup may end. In any case it reports each message of the server that is
// missing, it has no message that the server does not have, and a manifest that claims to be
// consistent equals the account.
type verdict uint8

const (
	gaps     verdict = 1 << iota // there are failures
	restless                     // it is not called consistent
	fails                        // there is an error, and no manifest
	maybe                        // it may also be whole
	nothing                      // no mailbox can be read, so that a first backup has an error

	whole verdict = 0 // the manifest is the account, is consistent, and has no failure
)

// dailyBackups are backups of one model into one repository.
type dailyBackups struct {
	t     *testing.T
	model *model
	store *storetest.Memory
	repo  *repo.Repo
}

// newDailyBackups starts with an ordinary account and an empty repository.
func newDailyBackups(t *testing.T) *dailyBackups {
	t.Helper()
	store := &storetest.Memory{}
	made, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true})
	if err != nil {
		t.Fatal(err)
	}
	made.Close()
	return resume(t, newAccount(), store)
}

// resume continues with an existing account and repository.
func resume(t *testing.T, m *model, store *storetest.Memory) *dailyBackups {
	t.Helper()
	r, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return &dailyBackups{t, m, store, r}
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

// change makes the changes of an ordinary day.
func (n *dailyBackups) change() {
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

// backUp archives the account from a server that misbehaves in this way.
func (n *dailyBackups) backUp(odd misbehavior) *backup.Result {
	n.t.Helper()
	n.model.odd = odd
	source := imapsource.NewSource(n.model.options())
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

// place is the position of a message.
type place struct {
	mailbox       string
	validity, uid uint64
}

// account returns what the server has.
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

// archived returns what the manifest has. It reads and verifies every body.
func (n *dailyBackups) archived(b *backup.Result) map[place]string {
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
			if at.validity == 0 { // it was not reported
				at.validity = n.model.box(mailbox.Raw).validity
			}
			all[at] = fmt.Sprintf("%v %s %q", entry.Flags, entry.Internal, body.Bytes())
		}
	}
	return all
}

// check compares a backup with the server's account, and its end with the verdict.
func (n *dailyBackups) check(night string, b *backup.Result, want verdict) {
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

// in runs dailyBackups with a fake clock.
func in(t *testing.T, run func(n *dailyBackups)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { run(newDailyBackups(t)) })
}

// after runs dailyBackups that continue with an account and a copy of the repository of the day
// before.
func after(t *testing.T, stored *storetest.Memory, run func(n *dailyBackups)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := stored.Clone()
		store.Advance(24 * time.Hour)
		run(resume(t, newAccount(), store))
	})
}

// Whatever a server does, a backup ends in a correct manifest, with missing messages among its
// failures, or in an error. Once the server behaves, the next backup equals the account. The test
// runs after a night with a correct server, and with a server that has always misbehaved.
func TestMisbehavingServers(t *testing.T) {
	var night, never *storetest.Memory // the night before, and the repository without it
	in(t, func(n *dailyBackups) {
		never = n.store.Clone()
		n.check("ordinary", n.backUp(misbehavior{}), whole)
		night = n.store
	})
	for _, trial := range slices.Concat(trials, disorderly) {
		t.Run(trial.name, func(t *testing.T) {
			t.Parallel()
			later, first := trial.want&^nothing, trial.want
			if trial.want&nothing != 0 {
				first = fails
			}
			t.Run("later", func(t *testing.T) {
				after(t, night, func(n *dailyBackups) {
					n.change()
					n.check("odd", n.backUp(trial.odd(n.model)), later)
					n.check("mended", n.backUp(misbehavior{}), whole)
				})
			})
			t.Run("always", func(t *testing.T) {
				after(t, never, func(n *dailyBackups) {
					n.check("odd", n.backUp(trial.odd(n.model)), first)
					n.change()
					n.check("odd again", n.backUp(trial.odd(n.model)), first)
					n.check("mended", n.backUp(misbehavior{}), whole)
				})
			})
		})
	}
}
