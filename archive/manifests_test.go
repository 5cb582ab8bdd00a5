package archive_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// commitEmpty commits a manifest of an account without mailboxes.
func commitEmpty(t *testing.T, r *repo.Repo, account string, state manifest.State) repo.Head {
	t.Helper()
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	writer, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	m := &manifest.Manifest{Account: account, Start: run.Start(), End: run.Start(), Deadline: run.Deadline(), State: state}
	head, err := writer.Commit(t.Context(), account, m.EncodeAt)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// A person names a manifest by "latest", its id or the begin of it, also with the account.
func TestResolve(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	first := commitEmpty(t, r, "anna", manifest.Complete)
	store.Advance(24 * time.Hour)
	second := commitEmpty(t, r, "anna", manifest.Complete)
	store.Advance(time.Hour)
	checkpoint := commitEmpty(t, r, "anna", manifest.Checkpoint)
	for text, want := range map[string]repo.Head{
		"latest":                     second,
		"latest~1":                   first,
		"anna@latest":                second,
		checkpoint.ID.String()[:8]:   checkpoint,
		first.ID.String():            first,
		"anna@" + second.ID.String(): second,
	} {
		ref, err := history.ParseRef(text, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := archive.Resolve(t.Context(), r, ref); err != nil || got.Name != want.Name {
			t.Errorf("%s: %s, %v; want %s", text, got.Name, err, want.Name)
		}
	}
	commitEmpty(t, r, "bertha", manifest.Complete)
	for text, want := range map[string]error{"latest": history.ErrAmbiguous, "carl@latest": history.ErrNoMatch, "anna@latest~7": history.ErrNoMatch} {
		ref, err := history.ParseRef(text, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := archive.Resolve(t.Context(), r, ref); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	var accounts []string
	for summary, err := range archive.Manifests(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		accounts = append(accounts, summary.Manifest.Account)
	}
	slices.Sort(accounts)
	if !slices.Equal(accounts, []string{"anna", "anna", "anna", "bertha"}) {
		t.Error(accounts)
	}
}
