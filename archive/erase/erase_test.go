package erase_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/erase"
	"github.com/mailstrata/mailstrata/archive/replicate"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// No night has an erased message any more, and each still has everything else. Two prunes a day
// apart leave no byte of it, though the server still has it and a backup runs each night.
func TestErasedMessageIsGoneFromEveryNight(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), account()
	var states [][]string
	var first *chunk.ID
	for night := range 4 {
		if night == 2 {
			a.Mailbox("INBOX").CopyTo(a.Mailbox("Work"), confidential)
		}
		a.Mailbox("INBOX").Add(letter(2000 + night))
		a.Mailbox("INBOX").SetFlags(mail.UID(90+night), `\Flagged`)
		b := archivetest.Backup(t, r, a)
		states = append(states, a.State())
		if first == nil {
			first = &record(t, r, b.Head, "INBOX", confidential).Hash
		}
		if night == 1 {
			if err := r.Tag(t.Context(), b.Head, []string{"pinned"}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	hash := *first
	plan, report := eraseMessage(t, r, hash)
	if plan.Manifests != 4 || len(plan.Messages[0].Places) != 2 || plan.Shared.Chunks != 0 || plan.Packs == 0 {
		t.Errorf("the plan is %+v", plan)
	}
	if report.Rewritten != 4 || report.Marked != 4 || len(report.Damaged) > 0 {
		t.Errorf("the report is %+v", report)
	}
	left := heads(t, r)
	if len(left) != 4 {
		t.Fatalf("%d nights are left, want 4", len(left))
	}
	for i, head := range left {
		if got, want := archivetest.ArchivedState(t, r, head), without(states[3-i]); !slices.Equal(got, want) {
			t.Errorf("night %d: %s", 3-i, archivetest.FirstDifference(got, want))
		}
	}
	tags, err := r.Tags(t.Context())
	if err != nil || !slices.Equal(tags[left[2].Name], []string{"pinned"}) {
		t.Errorf("the tags of the second night are %v, %v", tags[left[2].Name], err)
	}
	bodies := a.Bodies
	b := mustRest(t, r, a)
	if a.Bodies != bodies || b.Manifest.Totals.Erased != 2 {
		t.Errorf("%d messages were downloaded, and %d are erased", a.Bodies-bodies, b.Manifest.Totals.Erased)
	}
	prune(t, store, r)
	mustRest(t, r, a)
	prune(t, store, r)
	mustBeGone(t, store, hash)
	archivetest.MustBeSound(t, r)
}

// Without an erasure, a prune keeps a pack of which little is unused. This is why erased manifests
// are marked as such.
func TestForgottenMailMayStayInItsPack(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), account()
	old := archivetest.Backup(t, r, a).Head
	a.Mailbox("INBOX").Expunge(confidential)
	archivetest.Backup(t, r, a)
	if err := r.MarkAll(t.Context(), []statement.Marked{{Manifest: old.Name}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		prune(t, store, r)
	}
	if len(holds(t, store, []byte(word))) == 0 {
		t.Error("what was only forgotten is gone too: the other tests show nothing")
	}
}

// An erased message with a new UID is downloaded once, left out, and not requested again. None of
// it gets into the store.
func TestErasedMessageDoesNotComeBack(t *testing.T) {
	for name, change := range map[string]func(a *archivetest.Account){
		"copied":                  func(a *archivetest.Account) { a.Mailbox("INBOX").CopyTo(a.Mailbox("Work"), confidential) },
		"moved":                   func(a *archivetest.Account) { a.Mailbox("INBOX").MoveTo(a.Mailbox("Work"), confidential) },
		"renumbered":              func(a *archivetest.Account) { a.Mailbox("INBOX").Reset() },
		"the last of all":         func(a *archivetest.Account) { a.Mailbox("INBOX").CopyTo(a.Mailbox("INBOX"), confidential) },
		"alone":                   func(a *archivetest.Account) { a.Mailbox("INBOX").CopyTo(a.Mailbox("New"), confidential) },
		"expunged":                func(a *archivetest.Account) { a.Mailbox("INBOX").Expunge(confidential) },
		"flagged":                 func(a *archivetest.Account) { a.Mailbox("INBOX").SetFlags(confidential, `\Flagged`) },
		"the adjacent message is": func(a *archivetest.Account) { a.Mailbox("INBOX").SetFlags(confidential+1, `\Flagged`) },
	} {
		for _, server := range []struct {
			name               string
			condstore, qresync bool
		}{{"QRESYNC", true, true}, {"CONDSTORE", true, false}, {"neither", false, false}} {
			t.Run(name+", "+server.name, func(t *testing.T) {
				t.Parallel()
				store := &storetest.Memory{}
				r, a := archivetest.NewRepo(t, store), account()
				a.Condstore, a.Qresync = server.condstore, server.qresync
				b := archivetest.Backup(t, r, a)
				hash := record(t, r, b.Head, "INBOX", confidential).Hash
				eraseMessage(t, r, hash)
				change(a)
				if server.condstore {
					mustRest(t, r, a)
				}
				a.Mailbox("INBOX").Add(letter(5000))
				bodies := a.Bodies
				b = archivetest.Backup(t, r, a)
				archivetest.MustHold(t, r, b, without(a.State()))
				if !b.Manifest.Consistent || len(b.Manifest.Failures) > 0 || server.condstore && a.Bodies != bodies+1 {
					t.Errorf("%d messages were downloaded: %+v", a.Bodies-bodies, b.Manifest)
				}
				a.Mailbox("INBOX").Expunge(confidential)
				a.Mailbox("Work").Expunge(1)
				b = archivetest.Backup(t, r, a)
				archivetest.MustHold(t, r, b, without(a.State()))
				if !b.Manifest.Consistent || len(b.Manifest.Failures) > 0 {
					t.Errorf("after it is gone: %+v", b.Manifest)
				}
				prune(t, store, r)
				prune(t, store, r)
				mustBeGone(t, store, hash)
			})
		}
	}
}

// Chunks that other mail also has are kept, and the plan counts them.
func TestSharedChunksStay(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), archivetest.NewAccount()
	attachment := "\r\n--x\r\n\r\n" + string(archivetest.Base64(archivetest.RandomBytes(9, 30000))) + "\r\n--x--\r\n"
	inbox := a.Mailbox("INBOX")
	secret := inbox.Add("Subject: " + word + "\r\n" + attachment)
	inbox.Add("Subject: public\r\n" + attachment)
	b := archivetest.Backup(t, r, a)
	hash := record(t, r, b.Head, "INBOX", secret.UID).Hash
	plan, _ := eraseMessage(t, r, hash)
	if plan.Shared.Chunks == 0 || plan.Shared.Bytes < 30000 || !strings.Contains(plan.Shared.Example, "INBOX") {
		t.Errorf("shared: %+v", plan.Shared)
	}
	prune(t, store, r)
	prune(t, store, r)
	mustBeGone(t, store, hash)
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), without(a.State()))
	archivetest.MustBeSound(t, r)
}

// An erased account has no manifest, and no backup archives it again. Mail that another account
// also has is kept.
func TestErasedAccountIsGone(t *testing.T) {
	store := &storetest.Memory{}
	r, left, other := archivetest.NewRepo(t, store), account(), archivetest.NewAccount()
	for i := range 300 {
		other.Mailbox("INBOX").Add(letter(i))
	}
	for night := range 3 {
		left.Mailbox("INBOX").Add(letter(3000 + night))
		other.Mailbox("INBOX").Add(letter(4000 + night))
		if b := archivetest.TryBackup(t.Context(), r, left, other); b.Err != nil {
			t.Fatal(b.Err)
		}
	}
	old := heads(t, r)
	hash := record(t, r, old[slices.IndexFunc(old, func(h repo.Head) bool { return h.Account == r.AccountDir("account-0") })], "INBOX", confidential).Hash
	if err := r.MarkAll(t.Context(), []statement.Marked{{Manifest: old[0].Name}}); err != nil { // it was forgotten before
		t.Fatal(err)
	}
	plan, err := erase.PlanAccount(t.Context(), r, "account-0")
	if err != nil {
		t.Fatal(err)
	}
	if plan.Manifests != 3 || plan.Shared.Chunks < 300 {
		t.Errorf("the plan: %d manifests, %+v", plan.Manifests, plan.Shared)
	}
	if _, err := plan.Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if b := archivetest.TryBackup(t.Context(), r, left, other); !errors.Is(b.Err, repo.ErrErased) {
		t.Errorf("a backup of the account: %v", b.Err)
	}
	prune(t, store, r)
	prune(t, store, r)
	mustBeGone(t, store, hash)
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "manifests/"+r.AccountDir("account-0")) {
			t.Errorf("%s is there", name)
		}
	}
	archivetest.MustBeSound(t, r)
	if _, err := erase.PlanAccount(t.Context(), r, "account-0"); !errors.Is(err, erase.ErrNothing) {
		t.Errorf("erasing it again: %v", err)
	}
}

// A run that began before the erasure commits the message once more. The next prune finds it.
func TestRunUnderWayDoesNotRestoreErased(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), account()
	b := archivetest.Backup(t, r, a)
	hash := record(t, r, b.Head, "INBOX", confidential).Hash
	a.Mailbox("INBOX").Add(letter(6000))
	a.OnBody = func(string, mail.UID) error {
		a.OnBody = nil
		eraseMessage(t, r, hash)
		return nil
	}
	archivetest.Backup(t, r, a)
	if n := len(heads(t, r)); n != 2 {
		t.Fatalf("there are %d nights", n)
	}
	archivetest.Backup(t, r, a) // its parent has the message: so has it
	for range 3 {
		prune(t, store, r)
	}
	mustBeGone(t, store, hash)
	mustRest(t, r, a)
	if n := len(heads(t, r)); n != 5 {
		t.Errorf("there are %d nights, want 5", n)
	}
	archivetest.MustBeSound(t, r)
}

// A message that is erased in one repository is not copied from it, nor to it from another that
// still has it.
func TestCopyDoesNotRestoreErased(t *testing.T) {
	store, second := &storetest.Memory{}, &storetest.Memory{}
	r, there, a := archivetest.NewRepo(t, store), archivetest.NewRepo(t, second), account()
	b := archivetest.Backup(t, r, a)
	hash := record(t, r, b.Head, "INBOX", confidential).Hash
	archivetest.Copy(t, r, there)
	a.Mailbox("INBOX").Add(letter(7000))
	archivetest.Backup(t, r, a)
	eraseMessage(t, r, hash)
	archivetest.Copy(t, there, r)
	prune(t, store, r)
	archivetest.Copy(t, there, r)
	prune(t, store, r)
	mustBeGone(t, store, hash)

	copied, _ := archivetest.Copy(t, r, there) // the second night has only the other's copy of the first to go on from
	for _, c := range copied {
		if len(c.Lost) > 0 || c.Err != nil {
			t.Errorf("%+v", c)
		}
	}
	var hashThere chunk.ID
	for _, h := range heads(t, there) {
		archived := archivetest.ArchivedState(t, there, h)
		if len(without(archived)) < len(archived) {
			hashThere = record(t, there, h, "INBOX", confidential).Hash
		}
	}
	if hashThere.IsZero() {
		t.Fatal("the second copy lost the message: it is its owner's to erase")
	}
	eraseMessage(t, there, hashThere)
	for range 2 {
		if copied, _ := archivetest.Copy(t, r, there); slices.ContainsFunc(copied, func(c replicate.Copied) bool { return !c.Present }) {
			t.Errorf("a copying after that: %+v", copied)
		}
		prune(t, second, there)
	}
	mustBeGone(t, second, hashThere)
	archivetest.MustBeSound(t, there)

	plan, err := erase.PlanAccount(t.Context(), r, "account-0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	copied, _ = archivetest.Copy(t, there, r)
	for _, c := range copied {
		if !c.Erased {
			t.Errorf("a manifest of an erased account is copied: %+v", c)
		}
	}
}

// Another erasure completes one that was interrupted, at whatever step, and only the message is
// gone.
func TestInterruptedErasureIsCompleted(t *testing.T) {
	for n := 1; ; n++ {
		store := &storetest.Memory{}
		faulty := &storetest.Faulty{Store: store}
		r, a := archivetest.NewRepo(t, faulty), account()
		b := archivetest.Backup(t, r, a)
		hash := record(t, r, b.Head, "INBOX", confidential).Hash
		a.Mailbox("Work").Add(letter(8000))
		archivetest.Backup(t, r, a)
		state := without(a.State())
		plan, err := erase.PlanMessages(t.Context(), r, []chunk.ID{hash})
		if err != nil {
			t.Fatal(err)
		}
		before := faulty.Ops()
		faulty.Fail = storetest.CrashAt(before+n, storetest.Fault(1+n%2))
		_, err = plan.Apply(t.Context(), nil)
		faulty.Fail = nil
		done := err == nil
		if !done {
			if plan, err = erase.PlanMessages(t.Context(), r, []chunk.ID{hash}); err == nil {
				_, err = plan.Apply(t.Context(), nil)
			}
			if err != nil && !errors.Is(err, erase.ErrNothing) {
				t.Fatalf("cut short at operation %d: %v", n, err)
			}
		}
		prune(t, store, r)
		prune(t, store, r)
		mustBeGone(t, store, hash)
		if left := heads(t, r); len(left) != 2 {
			t.Fatalf("cut short at operation %d: %d nights are left of 2", n, len(left))
		}
		if got := archivetest.ArchivedState(t, r, heads(t, r)[0]); !slices.Equal(got, state) {
			t.Fatalf("cut short at operation %d: %s", n, archivetest.FirstDifference(got, state))
		}
		if done {
			break
		}
	}
}

// If an erasure writes manifests again that are months apart, because the nights between them were
// forgotten, this is not reported as a loss.
func TestErasureOfOldManifestsIsNoLoss(t *testing.T) {
	store, a := &storetest.Memory{}, account()
	r := archivetest.NewRepo(t, store)
	nights := []*backup.Result{archivetest.Backup(t, r, a)}
	hash := record(t, r, nights[0].Head, "INBOX", confidential).Hash
	for range 5 {
		store.Advance(24 * time.Hour)
		inbox := a.Mailbox("INBOX")
		for _, m := range slices.Clone(inbox.Messages[len(inbox.Messages)-40:]) {
			inbox.Expunge(m.UID)
		}
		nights = append(nights, archivetest.Backup(t, r, a))
	}
	store.Advance(time.Hour)
	var between []repo.Head
	for _, b := range nights[1:5] {
		between = append(between, b.Head)
	}
	plan, err := archive.PlanForgetNamed(t.Context(), r, between, nil)
	if err == nil {
		_, err = plan.Apply(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	store.Advance(24 * time.Hour)
	eraseMessage(t, r, hash)
	plan, err = archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 1}, time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	rewritten := 0
	for _, d := range plan.Decisions {
		if len(d.Lost) > 0 {
			t.Errorf("manifest %x lost %q", d.Head.ID[:4], d.Lost)
		}
		if d.Manifest.Origin != [32]byte{} {
			rewritten++
		}
	}
	if rewritten == 0 {
		t.Error("no manifest was written again")
	}
}
