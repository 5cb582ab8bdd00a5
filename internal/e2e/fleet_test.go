package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// fleet is the accounts of a server, two hosts that each archive a share of them, and their bucket.
type fleet struct {
	t       *testing.T
	dovecot *testbed.DovecotServer
	mail    *generate.Generator
	users   []string
	homes   []*files // of the users
	hosts   [2]*host
	store   *proxy // which counts
	bucket  *bucket
}

func newFleet(t *testing.T, accounts int) *fleet {
	f := &fleet{t: t, dovecot: startDovecot(t, testbed.DovecotOptions{}), mail: generate.New(30)}
	for i := range accounts {
		f.users = append(f.users, fmt.Sprintf("user%02d", i))
		f.homes = append(f.homes, place(t, f.dovecot, f.users[i]))
		f.deliver(i, "INBOX", 2)
		f.deliver(i, "Sent", 1)
	}
	minio := testbed.MinIO(t)
	f.store = startProxy(t, strings.TrimPrefix(minio.Endpoint, "http://"), nil)
	name := minio.NewBucket()
	for i := range f.hosts {
		h := newHost(t)
		h.use(testbed.S3{Endpoint: "http://" + f.store.addr, AccessKey: minio.AccessKey, SecretKey: minio.SecretKey}, name)
		if f.hosts[i] = h; i == 0 {
			h.seal()
		}
		h.set("MAILSTRATA_KEY_FILE", filepath.Join(f.hosts[0].home, "key"))
		f.configure(h)
	}
	f.bucket = openBucket(t, minio, name)
	return f
}

func (f *fleet) configure(h *host) {
	f.t.Helper()
	dir := filepath.Join(h.home, ".config", "mailstrata")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.t.Fatal(err)
	}
	write(f.t, filepath.Join(dir, "users"), strings.Join(f.users, "\n"))
	write(f.t, filepath.Join(dir, "config.toml"),
		fmt.Sprintf("[[accounts]]\nusers_file = \"users\"\nurl = \"imap://{user}@%s\"\nsecret_env = \"MAILSTRATA_IMAP_PASSWORD\"\n", f.dovecot.Addr))
}

// deliver gives an account some messages.
func (f *fleet) deliver(i int, mailbox string, messages int) {
	f.t.Helper()
	for range messages {
		f.homes[i].put(mailbox, f.mail.Note())
	}
	f.homes[i].done()
}

// night archives all accounts, by both hosts at once. It returns how many requests that took, and
// the objects that it put.
func (f *fleet) night() (requests int, put map[string]int64) {
	f.t.Helper()
	before := f.bucket.objects("")
	f.store.reset()
	var both sync.WaitGroup
	var ends [2]ended
	for i, h := range f.hosts {
		both.Go(func() { ends[i] = h.run("backup", "--shard", fmt.Sprintf("@%d/2", i)) })
	}
	both.Wait()
	for _, e := range ends {
		if e.status != 0 {
			f.t.Fatalf("%s ends with %d: %s%s", e.call, e.status, e.stdout, e.stderr)
		}
	}
	_, _, requests = f.store.traffic(" HTTP/1.1\r\n")
	put = f.bucket.objects("")
	for name := range before {
		delete(put, name)
	}
	return requests, put
}

// The nights of many accounts cost little, and the last costs no more than the first: of an account
// without news three requests and one object. The accounts with news of a host share packs and an
// index segment. Opening the repository and beginning the run take each host eight requests more,
// and a night with news fourteen besides.
func TestNightsOfAFleet(t *testing.T) {
	t.Parallel()
	const accounts = 20
	f := newFleet(t, accounts)
	f.night()
	for night := range 6 {
		news := 0
		if night%3 == 1 {
			news = 4
		}
		for i := range news {
			f.deliver((night+5*i)%accounts, "INBOX", 2)
		}
		requests, put := f.night()
		manifests, others, size := 0, 0, int64(0)
		for name, n := range put {
			if strings.HasPrefix(name, "manifests/") {
				manifests, size = manifests+1, size+n
			} else {
				others++
			}
		}
		t.Logf("%d with news: %d requests, %d manifests of %d bytes, %d other objects", news, requests, manifests, size/accounts, others)
		most := 3*accounts + 2*8
		if news > 0 {
			most += 2 * 14
		}
		if requests > most {
			t.Errorf("night %d, %d accounts with news: %d requests, want %d at most", night, news, requests, most)
		}
		if manifests != accounts || others > 2*min(news, 3) || size > accounts*2800 {
			t.Errorf("night %d, %d accounts with news: %d manifests of %d bytes, and %d other objects", night, news, manifests, size, others)
		}
	}
	latest := strings.TrimSpace(f.hosts[0].must(0, "list", "--latest", "--json").stdout)
	if n := strings.Count(latest, "\n") + 1; n != accounts {
		t.Errorf("%d accounts are archived:\n%s", n, latest)
	}
	f.hosts[0].must(0, "check", "--read-data")
}
