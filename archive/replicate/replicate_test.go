package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/replicate"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func TestCopyHoldsEveryNight(t *testing.T) {
	from, to := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewRepo(t, new(storetest.Memory))
	a, rng := archivetest.SampleAccount(), rand.New(rand.NewPCG(7, 7))
	var nights []repo.Head
	var states [][]string
	night := func() {
		nights, states = append(nights, archivetest.Backup(t, from, a).Head), append(states, a.State())
		for range 20 {
			a.Change(rng)
		}
	}
	for range 4 {
		night()
	}
	copied, _ := archivetest.Copy(t, from, to)
	if len(copied) != len(nights) {
		t.Fatalf("%d manifests were copied, there are %d", len(copied), len(nights))
	}
	for i, c := range copied {
		if got := archivetest.ArchivedState(t, to, c.Head); !slices.Equal(got, states[i]) {
			t.Fatalf("night %d is another in the copy: %s", i, archivetest.FirstDifference(got, states[i]))
		}
		if !c.Head.Time.Equal(nights[i].Time) {
			t.Errorf("night %d stands at %s in the copy, not at %s", i, c.Head.Time, nights[i].Time)
		}
	}
	archivetest.MustBeSound(t, to)

	// What is there is not copied again, and what is new costs what is new, also for a process that
	// remembers nothing.
	night()
	again, messages := archivetest.Copy(t, from, to)
	for i, c := range again[:len(again)-1] {
		if !c.Present {
			t.Errorf("night %d was copied twice", i)
		}
	}
	last := again[len(again)-1]
	if got := archivetest.ArchivedState(t, to, last.Head); last.Present || !slices.Equal(got, states[len(states)-1]) {
		t.Error("the last night is not the account")
	}
	if messages > 2*int(last.Manifest.Totals.NewMessages)+2*manifest.MaxPageRecords {
		t.Errorf("%d messages were handled for %d new ones", messages, last.Manifest.Totals.NewMessages)
	}

	// The copy is a parent like any other, and what comes home is known there.
	if b := archivetest.Backup(t, to, a); b.Manifest.Parent != last.Head.ID {
		t.Error("a backup does not go on from the copy")
	}
	home, _ := archivetest.Copy(t, to, from)
	for i, c := range home[:len(nights)] {
		if !c.Present {
			t.Errorf("night %d was copied home", i)
		}
	}
	archivetest.MustBeSound(t, from)
}

func TestCopyReadsOnlyNewMail(t *testing.T) {
	from, to := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewRepo(t, new(storetest.Memory))
	a := archivetest.SampleAccount()
	archivetest.Backup(t, from, a)
	archivetest.Copy(t, from, to)
	a.Mailboxes["INBOX"].SetFlags(3, `\Flagged`)
	a.Mailboxes["Odd"].Add("Subject: new\r\n\r\nnew\r\n")
	archivetest.Backup(t, from, a)
	bodies := 0
	err := replicate.Copy(t.Context(), replicate.CopyOptions{From: from, To: to, Progress: func(r manifest.Record) { bodies++ }}, func(replicate.Copied) {})
	if odd := len(a.Mailboxes["Odd"].Messages); err != nil || bodies > odd {
		t.Errorf("%d messages were handled for a flag and a message in a mailbox of %d: %v", bodies, odd, err)
	}
}

func TestInterruptedCopyIsResumed(t *testing.T) {
	store := new(storetest.Memory)
	from, to := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewRepo(t, store)
	a := archivetest.SampleAccount()
	archivetest.Backup(t, from, a)
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err := replicate.Copy(ctx, replicate.CopyOptions{From: from, To: to, Progress: func(manifest.Record) {
		if seen++; seen == 300 {
			cancel()
		}
	}}, func(replicate.Copied) { t.Error("an interrupted copy counts") })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted copy ended with %v", err)
	}
	if !slices.ContainsFunc(store.Names(), func(name string) bool { return strings.HasPrefix(name, "index/") }) {
		t.Error("what was copied until then is not to be found")
	}
	copied, _ := archivetest.Copy(t, from, to)
	if got := archivetest.ArchivedState(t, to, copied[0].Head); !slices.Equal(got, a.State()) {
		t.Errorf("the copy is not the account: %s", archivetest.FirstDifference(got, a.State()))
	}
	archivetest.MustBeSound(t, to)
}

func TestCopyFailureAtEachStep(t *testing.T) {
	from := archivetest.NewRepo(t, new(storetest.Memory))
	a := archivetest.NewAccount()
	for range 5 {
		a.Mailbox("INBOX").Add("Subject: s\r\n\r\nhello\r\n")
	}
	b := archivetest.NewAccount()
	b.Mailbox("INBOX").Add("Subject: u\r\n\r\nshares packs\r\n")
	backUpFleet(t, from, []*archivetest.Account{a, b})
	a.Mailbox("Other").Add("Subject: t\r\n\r\nworld\r\n")
	backUpFleet(t, from, []*archivetest.Account{a, b})
	for n := 1; ; n++ {
		memory := new(storetest.Memory)
		archivetest.NewRepo(t, memory)
		faulty := &storetest.Faulty{Store: memory, Fail: storetest.CrashAt(n, storetest.Lose)}
		if to, err := repo.Open(t.Context(), faulty, repo.Unlock{}, repo.Options{}); err == nil {
			_, _, err = archivetest.TryCopy(t.Context(), from, to)
			if to.Close(); err == nil {
				return
			}
		}
		to := archivetest.Reopen(t, memory)
		copied, _ := archivetest.Copy(t, from, to)
		newest := map[string]repo.Head{}
		for _, c := range copied {
			newest[c.Manifest.Account] = c.Head
		}
		for i, want := range [][]string{a.State(), b.State()} {
			if got := archivetest.ArchivedState(t, to, newest[fmt.Sprintf("account-%d", i)]); !slices.Equal(got, want) {
				t.Fatalf("step %d: the copy of account %d is not the account: %s", n, i, archivetest.FirstDifference(got, want))
			}
		}
	}
}

// lose deletes the packs of mail, or of the catalog, from a store, and opens it without a cache.
func lose(t *testing.T, store *storetest.Memory, folder string, which int) *repo.Repo {
	t.Helper()
	var packs []string
	for _, name := range store.Names() {
		if strings.HasPrefix(name, folder) {
			packs = append(packs, name)
		}
	}
	if err := store.Delete(t.Context(), packs[which]); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCopyAndRepairReportLosses(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	a := archivetest.SampleAccount()
	archivetest.Backup(t, r, a)
	for range 40 {
		a.Mailbox("INBOX").Add("Subject: second night\r\n\r\nlater\r\n")
	}
	second := archivetest.Backup(t, r, a)
	damaged := lose(t, store, "data/", 1)

	to := archivetest.NewRepo(t, new(storetest.Memory))
	copied, _ := archivetest.Copy(t, damaged, to)
	archivetest.MustBeSound(t, to)
	lost := 0
	for _, c := range copied {
		lost += len(c.Lost)
		m, err := archive.OpenManifest(t.Context(), to, c.Head)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(archivetest.ArchivedState(t, to, c.Head)); int64(got+len(c.Lost)) != c.Manifest.Totals.Messages || m.Manifest.Consistent != (len(c.Lost) == 0) {
			t.Errorf("%d messages are in the copy, %d are lost, %d were there", got, len(c.Lost), c.Manifest.Totals.Messages)
		}
	}
	if lost == 0 {
		t.Fatal("a lost pack harms nothing: the test shows nothing")
	}

	repaired, err := rewrite.Repair(t.Context(), damaged, second.Head, rewrite.RepairOptions{})
	if err != nil || len(repaired.Lost) == 0 {
		t.Fatalf("%d messages were found to be lost: %v", len(repaired.Lost), err)
	}
	ref, err := history.ParseRef("latest", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	newest, _, err := archive.Resolve(t.Context(), damaged, ref)
	if err != nil || newest.Name != repaired.Head.Name {
		t.Errorf("the repaired manifest is not the latest: %s, %v", newest.Name, err)
	}
	if got := len(archivetest.ArchivedState(t, damaged, repaired.Head)); got+len(repaired.Lost) != len(a.State()) {
		t.Errorf("%d messages are left and %d lost, of %d", got, len(repaired.Lost), len(a.State()))
	}
	if again, err := rewrite.Repair(t.Context(), damaged, repaired.Head, rewrite.RepairOptions{}); err != nil || again.Head.Name != "" {
		t.Errorf("what is repaired was repaired again: %v", err)
	}
}

func TestRepairOfLostPages(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	a := archivetest.SampleAccount()
	archivetest.Backup(t, r, a)
	a.Mailbox("INBOX").Add("Subject: second night\r\n\r\nlater\r\n")
	second := archivetest.Backup(t, r, a)
	damaged := lose(t, store, "catalog/", 0)
	repaired, err := rewrite.Repair(t.Context(), damaged, second.Head, rewrite.RepairOptions{})
	if err != nil || repaired.Head.Name == "" {
		t.Fatalf("nothing was repaired: %v", err)
	}
	got, all := archivetest.ArchivedState(t, damaged, repaired.Head), a.State()
	for _, line := range got {
		if _, ok := slices.BinarySearch(all, line); !ok {
			t.Errorf("the repaired manifest has what the account had not: %.100s", line)
		}
	}
	if len(got) == len(all) {
		t.Error("a lost page harms nothing: the test shows nothing")
	}
}

// Flags that cannot be read are reported for each manifest that has them, whether or not the same
// process copies it.
func TestCopyReportsLostFlagsEachTime(t *testing.T) {
	store := new(storetest.Memory)
	from := archivetest.NewRepo(t, store)
	a := archivetest.NewAccount()
	for range 20 {
		a.Mailbox("INBOX").Add("Subject: s\r\n\r\nhello\r\n", `\Seen`)
	}
	archivetest.Backup(t, from, a)
	before := store.Names()
	a.Mailbox("INBOX").SetFlags(3, `\Flagged`)
	archivetest.Backup(t, from, a)
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "catalog/") && !slices.Contains(before, name) {
			if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	night := func(name string) {
		a.Mailbox(name).Add("Subject: another\r\n\r\nnight\r\n")
		archivetest.Backup(t, from, a)
	}
	night("Other")
	to := archivetest.NewRepo(t, new(storetest.Memory))
	copied, _ := archivetest.Copy(t, from, to)
	night("Third")
	again, _ := archivetest.Copy(t, from, to)
	for i, c := range append(copied[1:], again[len(again)-1]) {
		contents, err := archive.OpenManifest(t.Context(), to, c.Head)
		if err != nil {
			t.Fatal(err)
		}
		inbox, err := contents.Mailbox(t.Context(), "INBOX")
		if err != nil || inbox.Complete || len(c.Lost) != 1 || len(contents.Manifest.Failures) != 1 {
			t.Errorf("copy %d of manifests with lost flags: complete %v, lost %v, failures %v: %v", i, inbox.Complete, c.Lost, contents.Manifest.Failures, err)
		}
	}
}

// A repaired manifest does not rely on condemned packs, even if the original does.
func TestRepairDoesNotRelyOnCondemnedPacks(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	a := archivetest.NewAccount()
	packs := func() (all []string) {
		return slices.DeleteFunc(store.Names(), func(name string) bool { return !strings.HasPrefix(name, "data/") })
	}
	a.Mailbox("INBOX").Add("Subject: first\r\n\r\nnight\r\n")
	archivetest.Backup(t, r, a)
	first := packs()[0]
	a.Mailbox("INBOX").Add("Subject: second\r\n\r\nevening\r\n")
	night := archivetest.Backup(t, r, a)
	damaged := lose(t, store, "data/", 1-slices.Index(packs(), first))
	pack, _ := repo.ParsePack(first)
	if err := damaged.Condemn(t.Context(), []repo.Pack{pack}); err != nil {
		t.Fatal(err)
	}
	repaired, err := rewrite.Repair(t.Context(), damaged, night.Head, rewrite.RepairOptions{})
	if err != nil || len(repaired.Lost) != 1 {
		t.Fatalf("lost %v: %v", repaired.Lost, err)
	}
	swept := lose(t, store, "data/", slices.Index(packs(), first))
	if got := archivetest.ArchivedState(t, swept, repaired.Head); len(got) != 1 {
		t.Errorf("of the message that is left, there are %d", len(got))
	}
}

// A manifest that the target has forgotten is not copied again, whether or not it is deleted
// already, unless it is named.
func TestCopySkipsForgottenManifests(t *testing.T) {
	store := new(storetest.Memory)
	from, to := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewRepo(t, store)
	a := archivetest.NewAccount()
	for range 3 {
		a.Mailbox("INBOX").Add("Subject: one more\r\n\r\nmail\r\n")
		archivetest.Backup(t, from, a)
	}
	archivetest.Copy(t, from, to)
	plan, err := archive.PlanForget(t.Context(), to, nil, history.Policy{Last: 1}, time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := plan.Apply(t.Context()); err != nil || n != 2 {
		t.Fatalf("%d manifests were forgotten: %v", n, err)
	}
	for range 2 {
		copied, messages := archivetest.Copy(t, from, to)
		if messages > 0 || len(copied) != 3 || !copied[0].Gone || !copied[1].Gone || !copied[2].Present {
			t.Fatalf("%d messages, %+v", messages, copied)
		}
		store.Advance(25 * time.Hour)
		if _, err := archive.Prune(t.Context(), to, repo.PruneOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	named := replicate.CopyOptions{From: from, To: to, Wants: func(s archive.Summary) bool { return s.Manifest.Totals.Messages == 1 }}
	err = replicate.Copy(t.Context(), named, func(c replicate.Copied) {
		if c.Gone || c.Present || len(archivetest.ArchivedState(t, to, c.Head)) != 1 {
			t.Errorf("by name: %+v", c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	archivetest.MustBeSound(t, to)
}

// A backup succeeds though the records of an earlier one are lost, because the server still has the
// account.
func TestBackupAfterADamagedParent(t *testing.T) {
	for _, folder := range []string{"catalog/", "data/"} {
		store := new(storetest.Memory)
		a := archivetest.SampleAccount()
		for i := range 700 { // their table does not fit into the manifest
			a.Mailbox(fmt.Sprintf("a folder with a name that takes its room in the table of mailboxes, number %d", i))
		}
		archivetest.Backup(t, archivetest.NewRepo(t, store), a)
		a.Mailbox("INBOX").Add("Subject: second night\r\n\r\nlater\r\n", `\Seen`)
		a.Mailbox("INBOX").Expunge(7)
		damaged := lose(t, store, folder, 0)
		b := archivetest.Backup(t, damaged, a)
		if folder == "catalog/" {
			if len(b.Manifest.Warnings) == 0 {
				t.Error("the damage of the earlier records is not reported")
			}
			if got := len(b.Manifest.Failures); got > 0 {
				t.Errorf("%d failures, first: %v", got, b.Manifest.Failures[0])
			}
		}
	}
}
