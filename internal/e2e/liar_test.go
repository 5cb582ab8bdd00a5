package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// timely is an owner with an account, archived in a bucket of a MinIO, and a nightly host whose
// proxy shifts the store's clock.
type timely struct {
	t            *testing.T
	owner, liar  *host
	by           atomic.Int64 // how far the liar's clock is ahead
	mail         *demo.Account
	url          string
	minio        testbed.S3
	bucket       string
	honest, last written
}

func newTimely(t *testing.T) *timely {
	s := &timely{t: t, owner: newHost(t), liar: newHost(t), minio: testbed.MinIO(t)}
	s.bucket = s.minio.NewBucket()
	gateway := &testbed.Gateway{Clock: func() time.Time { return time.Now().Add(time.Duration(s.by.Load())) }}
	s.owner.use(s.minio, s.bucket)
	s.owner.seal()
	writer := filepath.Join(s.owner.home, "writer")
	s.owner.must(0, "key", "add", "--role", "writer", "--new-key-file", writer)
	s.liar.use(gateway.Before(t, s.minio), s.bucket)
	s.liar.set("MAILSTRATA_KEY_FILE", writer)
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if s.mail, err = server.AddAccount("anna", imapPassword); err != nil {
		t.Fatal(err)
	}
	s.url = server.URL("anna")
	if err := s.mail.Create("Nothing"); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		s.come(i)
	}
	s.honest = s.owner.backUp(0, s.url)
	s.come(20)
	s.last = s.owner.backUp(0, s.url)
	return s
}

func (s *timely) come(i int) {
	s.t.Helper()
	body := fmt.Appendf(nil, "Subject: %d\r\n\r\nhello %d\r\n", i, i)
	if err := s.mail.Append("INBOX", demo.Message{Body: body, Internal: time.Unix(1e9, 0)}); err != nil {
		s.t.Fatal(err)
	}
}

// lie writes a manifest without the account's mail, at another time.
func (s *timely) lie(by time.Duration) written {
	s.t.Helper()
	s.by.Store(int64(by))
	return s.liar.backUp(0, s.url, "--mailbox", "Nothing", "--shrink-limit", "off")
}

// whole requires that the owner restores all mail.
func (s *timely) whole(manifest string, messages int) {
	s.t.Helper()
	target := s.t.TempDir()
	if r := s.owner.restore(0, manifest, "maildir:"+filepath.Join(target, "back")); r.Added != messages {
		s.t.Errorf("%s restores %d of %d messages", manifest, r.Added, messages)
	}
}

func (s *timely) names(e ended, what ...string) {
	s.t.Helper()
	for _, word := range what {
		if !strings.Contains(e.stdout+e.stderr, word) {
			s.t.Errorf("%s does not say %q:\n%s%s", e.call, word, e.stdout, e.stderr)
		}
	}
}

// A manifest of the future is named by every command that lists manifests, and changes nothing: not
// what is restored, not what is forgotten, not the next backup. After it is forgotten by its id,
// everything is as before.
func TestAWriterWhoLivesInTheFuture(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{20 * time.Minute, 48 * time.Hour, 74 * 365 * 24 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s := newTimely(t)
			forged := s.lie(by)
			id := forged.ID[:8]
			s.whole("latest", 21)
			s.names(s.owner.must(3, "list"), id, "cannot be true", "mailstrata forget "+id)
			s.names(s.owner.must(3, "check"), id, "cannot be true", "1 manifest cannot be trusted")
			s.names(s.owner.must(0, "doctor", "--repo", "s3:"+s.minio.Endpoint+"/"+s.bucket), id, "cannot be true")
			for _, rule := range [][]string{{"--keep-last", "1"}, {"--keep-daily", "1"}, {"--keep-within", "1d"}} {
				s.names(s.owner.must(3, append([]string{"forget"}, rule...)...), id, "0 forgotten", "nothing was forgotten of 1 account")
			}
			s.come(21)
			s.names(s.owner.must(0, "backup", "--imap", s.url), id)
			s.whole("latest", 22)
			s.owner.must(0, "forget", "--yes", id)
			s.owner.must(0, "list")
			s.owner.must(0, "check")
			s.owner.must(0, "forget", "--yes", "--keep-last", "3")
			s.whole(s.honest.ID[:8], 20)
			if m := s.owner.backUp(0, s.url); m.NewMessages != 0 || m.Warnings != 0 {
				t.Errorf("after it was forgotten a backup has %+v", m)
			}
		})
	}
}

// A manifest that is dated back replaces no manifest that came in time, neither as that of a day
// nor in a rule. It is named.
func TestAWriterWhoLivesInThePast(t *testing.T) {
	t.Parallel()
	testbed.OneDay(t)
	s := newTimely(t)
	back := s.lie(-50 * time.Hour)
	for _, by := range []time.Duration{26, 74, 98, 500, 600} {
		s.lie(-by * time.Hour)
	}
	s.names(s.owner.must(0, "list"), back.ID[:8], "belated")
	s.names(s.owner.must(0, "check"), "dated back")
	s.names(s.owner.must(0, "doctor", "--repo", "s3:"+s.minio.Endpoint+"/"+s.bucket), "the store got 6 manifests long after")
	s.whole("latest", 21)
	s.whole("today", 21)
	s.owner.must(0, "forget", "--yes", "--keep-daily", "2", "--keep-last", "2")
	s.whole(s.last.ID[:8], 21)
	s.whole(s.honest.ID[:8], 20)
	if m := s.owner.backUp(0, s.url); m.NewMessages != 0 {
		t.Errorf("the next backup goes on from another manifest: %+v", m)
	}
}

// The store's clock is two days ahead for one night: what was archived then is named and skipped,
// and all later backups work at once.
func TestAStoreThatIsAheadForANight(t *testing.T) {
	t.Parallel()
	s := newTimely(t)
	s.by.Store(int64(48 * time.Hour))
	s.come(21)
	ahead := s.liar.backUp(0, s.url)
	s.by.Store(0)
	s.come(22)
	for range 3 {
		e := s.liar.must(0, "backup", "--json", "--imap", s.url)
		s.names(e, ahead.ID[:8])
	}
	s.whole("latest", 23)
}

// An object that is renamed to a newer or an older name is not a manifest, and can be forgotten by
// its name.
func TestARenamedManifest(t *testing.T) {
	t.Parallel()
	s := newTimely(t)
	h := newHost(t)
	repository := h.onDirectory()
	h.backUp(0, s.url)
	s.come(30)
	h.backUp(0, s.url)
	found, err := filepath.Glob(filepath.Join(repository, "manifests", "*", "*"))
	if err != nil || len(found) != 2 {
		t.Fatal(found, err)
	}
	content, err := os.ReadFile(found[1]) // the older one
	if err != nil {
		t.Fatal(err)
	}
	folder, old := filepath.Split(found[1])
	renamed := filepath.Join(folder, "0000"+old[4:])
	sooner := filepath.Join(folder, found[0][len(folder):len(folder)+10]+"000000"+old[16:])
	for _, name := range []string{sooner, renamed} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if latest := h.restore(0, "latest", "maildir:"+filepath.Join(t.TempDir(), "back")); latest.Added != 22 {
		t.Errorf("latest restores %d messages", latest.Added)
	}
	object := strings.TrimPrefix(sooner, repository+"/")
	s.names(h.must(3, "list"), "its name was changed")
	s.names(h.must(3, "check"), "its name was changed", filepath.Base(found[1]))
	h.must(0, "prune", "--dry-run")
	s.names(h.must(0, "forget", "--yes", object), "1 forgotten")
	if _, err := os.Stat(renamed); err != nil {
		t.Fatal(err)
	}
	h.must(0, "list")
	h.must(0, "backup", "--imap", s.url)
}
