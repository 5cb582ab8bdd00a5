package e2e_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Two processes archive two accounts into one new repository at the same time. Both succeed, and a
// third account shares what they stored: a copy of one of them stores no mail at all.
func TestTogether(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) testbed.S3{"minio": testbed.MinIO, "versitygw": testbed.Versitygw} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			together(t, start(t))
		})
	}
}

func together(t *testing.T, store testbed.S3) {
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	shared := generate.New(4).Messages(150)
	for user, seed := range map[string]uint64{"anna": 5, "bert": 6, "copy": 5} {
		f := place(t, dovecot, user)
		f.put("INBOX", append(generate.New(seed).Messages(150), shared...)...)
		f.done()
	}
	first := newHost(t)
	name := store.NewBucket()
	first.use(store, name)
	first.seal()
	second := newHost(t) // with nothing but the key
	second.use(store, name)
	second.set("MAILSTRATA_KEY_FILE", first.home+"/key")

	var both sync.WaitGroup
	var ends [2]ended
	both.Go(func() { ends[0] = first.run("backup", "--json", "--imap", accountURL("anna", dovecot.Addr)) })
	both.Go(func() { ends[1] = second.run("backup", "--json", "--imap", accountURL("bert", dovecot.Addr)) })
	both.Wait()
	for _, e := range ends {
		var reported struct{ Manifests []written }
		if e.json(&reported); e.status != 0 || len(reported.Manifests) != 1 || reported.Manifests[0].Messages != 300 {
			t.Errorf("%s ends with %d: %s%s", e.call, e.status, e.stdout, e.stderr)
		}
	}

	objects := openBucket(t, store, name)
	before := objects.objects("data/")
	if m := second.backUp(0, accountURL("copy", dovecot.Addr)); m.NewMessages != 300 {
		t.Errorf("of the copy, the manifest is %+v", m)
	}
	if names := added(before, objects.objects("data/")); len(names) > 0 {
		t.Errorf("a copy of an archived account stores the packs %q", names)
	}
	if list := first.must(0, "list").stdout; strings.Count(list, "@127.0.0.1") != 3 {
		t.Errorf("the list is\n%s", list)
	}
	first.must(0, "check", "--read-data")
}
