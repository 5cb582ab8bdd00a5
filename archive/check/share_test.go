package check_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// someAccounts returns a repository with several accounts, which have most of their mail in common.
func someAccounts(t *testing.T) *storetest.Memory {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	defer r.Close()
	for i := range 4 {
		a := archivetest.NewAccount()
		own := fmt.Sprintf("$own%d", i) // so that no two accounts have a page in common
		for night := range 1 + i/3 {
			for n := range 6 {
				a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d %d\r\n\r\n%x\r\n", night, n, archivetest.RandomBytes(uint64(night*6+(n+i)%6), 4000)), own)
			}
			a.Mailbox("Own").Add(fmt.Sprintf("Subject: own\r\n\r\n%x\r\n", archivetest.RandomBytes(uint64(100*i+night+1000), 3000)), own)
			account := backup.Account{Name: fmt.Sprintf("account-%d", i), URL: "imap://test", Source: a}
			if _, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{Program: "test"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return store
}

// checkShare checks a share of a store, and returns how often each problem was reported.
func checkShare(t *testing.T, store *storetest.Memory, share repo.Share) (map[string]int, check.Report, error) {
	r, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		return nil, check.Report{}, err
	}
	defer r.Close()
	problems := map[string]int{}
	report, err := check.Run(context.WithoutCancel(t.Context()), check.Options{Repo: r, Data: repo.AllPacks, Share: share}, func(p check.Problem) {
		problems[fmt.Sprintf("%v %s", p.Harmless, p)]++
	})
	return problems, *report, err
}

// The checks of all shares find together what one check of everything finds, each problem once,
// whatever is damaged.
func TestCheckOfShares(t *testing.T) {
	whole := someAccounts(t)
	damages := []func(s *storetest.Memory, name string){
		func(s *storetest.Memory, name string) { _ = s.Delete(t.Context(), name) },
		func(s *storetest.Memory, name string) {
			data := slices.Clone(s.Bytes(name))
			data[len(data)/2] ^= 1
			s.Replace(name, data)
		},
		func(s *storetest.Memory, name string) { s.Replace(name, s.Bytes(name)[:len(s.Bytes(name))-1]) },
	}
	compareShares(t, whole, "nothing", func(*storetest.Memory, string) {})
	for i, name := range whole.Names() {
		compareShares(t, whole, name, damages[i%len(damages)])
	}
}

// compareShares compares one check with those of three shares, after damage to an object.
func compareShares(t *testing.T, whole *storetest.Memory, name string, damage func(*storetest.Memory, string)) {
	t.Helper()
	const shares = 3
	store := whole.Clone()
	damage(store, name)
	want, all, failed := checkShare(t, store, repo.Share{})
	got := map[string]int{}
	var sum check.Report
	for n := range shares {
		found, report, err := checkShare(t, store, repo.Share{N: n + 1, Of: shares})
		if (err == nil) != (failed == nil) {
			t.Errorf("%s: share %d ends with %v, the whole check with %v", name, n+1, err, failed)
		}
		for p, times := range found {
			got[p] += times
		}
		sum.Manifests += report.Manifests
		sum.Messages += report.Messages
		sum.Problems += report.Problems
	}
	if strings.HasPrefix(name, "index/") { // each share names the packs that it needs
		for p := range got {
			got[p] = want[p]
		}
	} else if sum.Problems != all.Problems {
		t.Errorf("%s: %d problems, want %d", name, sum.Problems, all.Problems)
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: found %s\nwant %s", name, lines(got), lines(want))
	}
	if sum.Manifests != all.Manifests || sum.Messages != all.Messages {
		t.Errorf("%s: %d manifests with %d messages, want %d with %d", name, sum.Manifests, sum.Messages, all.Manifests, all.Messages)
	}
}

func lines(counts map[string]int) string {
	var b strings.Builder
	for _, p := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "\n  %d × %s", counts[p], p)
	}
	return b.String()
}
