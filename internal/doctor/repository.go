package doctor

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// maxSkew is the maximum difference between the clocks of this host and of the store. Stores refuse
// signatures that are a quarter of an hour off. Retention depends only on the store's clock.
const maxSkew = time.Minute

// Repository opens the repository of a name, and checks its key, its locks and its manifests. If
// probe is set, it tests what the credentials allow.
func Repository(ctx context.Context, h *access.Host, name string, limits archive.Limits, probe bool) []Finding {
	e := &findings{subject: "repository"}
	l, err := h.Location(name)
	if err != nil {
		return e.fail("place", err)
	}
	if l.Configured.Name != "" {
		e.subject += " " + l.Configured.Name
	}
	store, err := l.Store(ctx)
	if err != nil && l.Own && errors.Is(err, repo.ErrNoRepository) {
		e.warn("place",
			"mailstrata backup creates it; or name another with --repo", "there is no repository yet at %s", l)
		return e.found
	}
	if err != nil {
		return e.fail("place", err)
	}
	e.clock(ctx, store)
	e.keyring(ctx, l.Configured.Secret)
	var nights nightSizes
	if r, err := l.Open(ctx); err != nil {
		e.fail("key", err)
	} else {
		e.key(r)
		if key := l.KeyBeside(r); key != "" {
			e.warn("key", "mailstrata key export FILE writes a copy to another disk; mailstrata copy fills a second repository",
				"%s is beside the repository; one accident can destroy both", key)
		}
		e.lock(ctx, store, r)
		e.manifests(ctx, r, limits, &nights)
		_ = r.Close() // it was only read
	}
	e.repositorySpace(l.Directory(), nights.largest(time.Now()))
	if probe {
		e.probe(ctx, store)
	}
	return e.found
}

func (f *findings) clock(ctx context.Context, store store.Store) {
	before := time.Now()
	there, err := store.Now(ctx)
	if err != nil {
		f.fail("clock", err)
		return
	}
	skew := there.Sub(before.Add(time.Since(before) / 2)).Round(time.Second)
	if skew.Abs() > maxSkew {
		f.warn("clock", "set the clock of this host (NTP), or that of the store",
			"the clock of the store differs by %s from that of this host", skew)
		return
	}
	f.ok("clock", "the clocks of the store and this host agree")
}

// keyring checks that the keyring has the passphrase. A key file may open the repository without
// it.
func (f *findings) keyring(ctx context.Context, s config.Secret) {
	if s.Keyring == "" {
		return
	}
	if _, err := keyring.Get(ctx, s.Keyring); err != nil {
		f.fail("passphrase", err)
		return
	}
	f.ok("passphrase", "keyring entry %s", s.Keyring)
}

func (f *findings) key(r *repo.Repo) {
	switch {
	case !r.Sealed():
		f.warn("key", "", "the repository is not encrypted: anybody who can read it can read the mail")
	case r.CanRead():
		f.ok("key", "owner: archives, reads mail, restores and deletes")
	default:
		f.ok("key", "writer: archives and lists, cannot read mail")
	}
	for _, doubt := range r.RejectedConfigs() {
		f.warn("key", "find out who wrote it", "%s was ignored: %s", doubt.Object, doubt.Err)
	}
}

// lock checks that the locks are renewed in time.
func (f *findings) lock(ctx context.Context, store store.Store, r *repo.Repo) {
	if r.Lock() == nil {
		return
	}
	state, err := r.LockState(ctx)
	now, errNow := store.Now(ctx)
	if err := cmp.Or(err, errNow); err != nil {
		f.fail("lock", err)
		return
	}
	if !state.Due.After(now) {
		f.warn("lock", "run mailstrata prune with an owner's key and s3:PutObjectRetention",
			"%s; the locks were due by %s", access.DescribeLock(r.Lock()), ui.Time(state.Due))
		return
	}
	f.ok("lock", "%s; the locks are due after %s", access.DescribeLock(r.Lock()), ui.Time(state.Due))
}

// prober is a store that can test more than a single put shows.
type prober interface {
	ProbeCreateOnly(context.Context) error
}

// sizeProber is a store that may refuse an object as large as a pack.
type sizeProber interface{ ProbeSize(context.Context) error }

// probe puts an object, reads it, lists it, tries to replace it, and deletes it.
func (f *findings) probe(ctx context.Context, st store.Store) {
	name, data := "probe/"+strings.ToLower(rand.Text()), []byte("written by mailstrata doctor")
	put := func(data []byte) error { return st.Put(ctx, name, bytes.NewReader(data), int64(len(data))) }
	if err := put(data); err != nil {
		f.fail("put", err)
		return
	}
	f.try("put", func() error {
		if s, ok := st.(sizeProber); ok {
			return s.ProbeSize(ctx)
		}
		return nil
	})
	f.try("get", func() error {
		body, _, err := st.Get(ctx, name, 0, -1)
		if err != nil {
			return err
		}
		defer body.Close()
		got, err := io.ReadAll(body)
		if err == nil && !bytes.Equal(got, data) {
			err = errors.New("the object that was put differs")
		}
		return err
	})
	f.try("list", func() error {
		for object, err := range st.List(ctx, "probe/") {
			if err != nil || object.Name == name {
				return err
			}
		}
		return errors.New("the object that was put is not listed")
	})
	f.createOnly(ctx, st, put)
	switch err := st.Delete(ctx, name); {
	case err == nil:
		f.ok("delete", "allowed; a host that only archives does not need it")
	case errors.Is(err, store.ErrRetained):
		f.ok("delete", "not allowed, by the credentials or by Object Lock; %s stays", name)
	default:
		f.warn("delete", "", "%s stays: %s", name, err)
	}
}

func (f *findings) try(check string, do func() error) {
	if err := do(); err != nil {
		f.fail(check, err)
		return
	}
	f.ok(check, "allowed")
}

func (f *findings) createOnly(ctx context.Context, st store.Store, put func([]byte) error) {
	err := put([]byte("something else"))
	if s, ok := st.(prober); ok && errors.Is(err, store.ErrExist) {
		if err := s.ProbeCreateOnly(ctx); err != nil {
			f.fail("create-only", err)
			return
		}
	}
	switch {
	case err == nil:
		f.fail("create-only", errors.New("objects can be replaced: backups here could be overwritten"))
	case errors.Is(err, store.ErrExist):
		f.ok("create-only", "objects cannot be replaced")
	default:
		f.fail("create-only", err)
	}
}

// manifests reports manifests that cannot be read or trusted, belated ones, and those that lack
// mail and have no alarm. It adds all to nights.
func (f *findings) manifests(ctx context.Context, r *repo.Repo, limits archive.Limits, nights *nightSizes) {
	var heads []repo.Head
	var histories archive.Histories
	doubtful := 0
	for s, err := range archive.Manifests(ctx, r) {
		switch {
		case err != nil && (s.Head.Name == "" || ctx.Err() != nil):
			f.fail("manifests", err)
			return
		case err == nil:
			heads = append(heads, s.Head)
			histories.Add(s)
			nights.add(s)
		default:
			if doubtful++; doubtful <= maxListed {
				f.warn("manifests", "find out which host wrote it, then run mailstrata forget "+s.Head.Name, "manifest %s of %s: %s",
					shortID(s.Head), ui.Time(s.Head.Time), err)
			}
		}
	}
	if doubtful > maxListed {
		f.warn("manifests",
			"mailstrata list names them", "%s more cannot be read or trusted", ui.Count(int64(doubtful-maxListed)))
	}
	belated, err := archive.BelatedAmong(ctx, r, heads)
	if err != nil {
		f.fail("manifests", err)
		return
	}
	if n := len(belated); n > 0 {
		f.warn("manifests", "mailstrata list marks them as belated; find out which host wrote those that are neither copies nor repairs",
			"the store got %s long after their times: copies, repairs, or dated back", ui.Plural(int64(n), "manifest"))
	}
	f.unreported(ctx, r, &histories, limits)
	f.alarms(ctx, r)
	if doubtful == 0 {
		f.ok("manifests", "%s, all readable", ui.Plural(int64(len(heads)), "manifest"))
	}
}

// alarms reports alarms that nobody has acknowledged.
func (f *findings) alarms(ctx context.Context, r *repo.Repo) {
	standing, _, err := archive.StandingAlarms(ctx, r) // its damage is that of manifests
	if err != nil {
		f.fail("alarms", err)
		return
	}
	for _, s := range standing[:min(len(standing), maxListed)] {
		f.warn("alarms", fmt.Sprintf("mailstrata show %s shows it; mailstrata forget --acknowledge %s accepts it", shortID(s.Head), shortID(s.Head)),
			"manifest %s of %s: %s", shortID(s.Head), ui.Safe(s.Manifest.Account), ui.OneLine(s.Manifest.Alarm[0]))
	}
	if more := len(standing) - maxListed; more > 0 {
		f.warn("alarms", "mailstrata status names them",
			"%s more with alarms that are not acknowledged", ui.Plural(int64(more), "manifest"))
	}
}

func (f *findings) unreported(ctx context.Context, r *repo.Repo, histories *archive.Histories, limits archive.Limits) {
	lost, err := histories.Shrunk(ctx, r, limits)
	if err != nil {
		f.fail("manifests", fmt.Errorf("compare them: %w", err))
		return
	}
	for _, u := range lost[:min(len(lost), maxListed)] {
		f.warn("manifests", fmt.Sprintf("mailstrata diff %s %s shows what is missing; mailstrata forget --acknowledge %s accepts it",
			shortID(u.Before), shortID(u.Head), shortID(u.Head)), "manifest %s of %s lacks mail of the one before it, and has no alarm: %s",
			shortID(u.Head), ui.Safe(u.Account), ui.OneLine(u.Lost[len(u.Lost)-1]))
	}
	if len(lost) > maxListed {
		f.warn("manifests", "mailstrata list names them",
			"%s more lack mail and have no alarm", ui.Count(int64(len(lost)-maxListed)))
	}
}

// maxListed is the number of manifests that are named one by one.
const maxListed = 10

// shortID returns the first digits of a manifest's id.
func shortID(head repo.Head) string { return hex.EncodeToString(head.ID[:4]) }
