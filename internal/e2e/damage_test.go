package e2e_test

import (
	"crypto/sha256"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// damages are the kinds of damage to an object.
var damages = map[string]func(b *bucket, name string){
	"a byte": func(b *bucket, name string) {
		data := b.get(name)
		data[len(data)/2] ^= 1
		b.put(name, data)
	},
	"cut short": func(b *bucket, name string) {
		data := b.get(name)
		b.put(name, data[:len(data)*2/3])
	},
	"gone": func(b *bucket, name string) { b.remove(name) },
}

// check and restore name a damaged pack of mail. All messages that do not need it are restored, and
// none in part.
func TestDamagedPack(t *testing.T) {
	t.Parallel()
	minio := testbed.MinIO(t)
	for damage, inflict := range damages {
		t.Run(damage, func(t *testing.T) {
			t.Parallel()
			dovecot := startDovecot(t, testbed.DovecotOptions{})
			h := newHost(t)
			name := minio.NewBucket()
			h.use(minio, name)
			h.seal()
			objects := openBucket(t, minio, name)
			// Two runs, so there are packs of each.
			var packs []map[string]int64
			var m written
			for seed := range uint64(2) {
				dovecot.Deliver("anna", "INBOX", appended(generate.New(20+seed).Messages(20))...)
				m = h.backUp(0, accountURL("anna", dovecot.Addr))
				packs = append(packs, objects.objects("data/"))
			}
			victim := slices.Sorted(maps.Keys(packs[0]))[0]
			inflict(objects, victim)

			e := h.must(3, "check", "--read-data")
			if !strings.Contains(e.stdout, victim) {
				t.Errorf("check does not name %s:\n%s", victim, e.stdout)
			}
			if damage != "a byte" { // the size shows it
				if e := h.must(3, "check"); !strings.Contains(e.stdout, victim) {
					t.Errorf("check does not name %s:\n%s", victim, e.stdout)
				}
			}
			back := filepath.Join(h.home, "back")
			r := h.restore(3, m.ID, "maildir:"+back, "--eol", "keep", "--keep", filepath.Join(h.home, "kept"))
			if r.Added < 20 || r.Failed == 0 || r.Added+r.Failed != 40 {
				t.Errorf("of 40 messages, 20 of them sound, the restore reports %+v", r)
			}
			if !slices.ContainsFunc(r.Problems, func(p problem) bool { return strings.Contains(p.Reason, victim[:len("data/")+8]) }) {
				t.Errorf("restore does not name %s: %v", victim, r.Problems)
			}
			want := readAccount(t, dovecot.Addr, "anna", imapPassword)
			if n := wholeOnly(t, back, want); n != r.Added {
				t.Errorf("%d messages are in the Maildir, and %d were printed", n, r.Added)
			}
		})
	}
}

// check names damage to objects of every other kind, and every command that needs them fails.
func TestDamagedObjects(t *testing.T) {
	t.Parallel()
	minio := testbed.MinIO(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	dovecot.Deliver("anna", "INBOX", appended(generate.New(22).Messages(10))...)
	for _, kind := range []string{"catalog", "index", "manifests", "keys", "config"} {
		for damage, inflict := range damages {
			if damage == "gone" && kind != "catalog" {
				continue // of what nothing names, nobody knows that it was there
			}
			t.Run(kind+", "+damage, func(t *testing.T) {
				h := newHost(t)
				name := minio.NewBucket()
				h.use(minio, name)
				h.seal()
				h.backUp(0, accountURL("anna", dovecot.Addr))
				objects := openBucket(t, minio, name)
				victim := slices.Sorted(maps.Keys(objects.objects(kind + "/")))[0]
				inflict(objects, victim)

				h.set("MAILSTRATA_CACHE_DIR", t.TempDir()) // what this host knows by heart is of no help
				if e := h.run("check"); e.status != 1 && e.status != 3 || !names(e, victim) {
					t.Errorf("with %s damaged, %s ends with %d, and says\n%s%s", victim, e.call, e.status, e.stdout, e.stderr)
				}
				e := h.run("restore", "latest", "--to", "maildir:back", "--eol", "keep")
				n := wholeOnly(t, filepath.Join(h.home, "back"), readAccount(t, dovecot.Addr, "anna", imapPassword))
				if e.status == 0 && n == 10 {
					return // it can do without
				}
				if e.status != 1 && e.status != 3 || !names(e, victim) {
					t.Errorf("with %s damaged, %s ends with %d, %d messages are there, and it says\n%s%s", victim, e.call, e.status, n, e.stdout, e.stderr)
				}
			})
		}
	}
}

// names reports whether the program printed the name of an object, or its beginning.
func names(e ended, object string) bool {
	hash := object[strings.LastIndexAny(object, "/-")+1:]
	return strings.Contains(e.stdout+e.stderr, hash[:8])
}

// wholeOnly requires each message in a Maildir to be one of an account, byte for byte, and returns
// how many there are.
func wholeOnly(t *testing.T, maildir string, want account) (n int) {
	t.Helper()
	known := map[[32]byte]bool{}
	for _, b := range want {
		for _, l := range b.letters {
			known[l.sum] = true
		}
	}
	err := filepath.WalkDir(maildir, func(path string, entry fs.DirEntry, err error) error {
		dir := filepath.Base(filepath.Dir(path))
		if err != nil || entry.IsDir() || dir != "cur" && dir != "new" {
			return err
		}
		data, err := os.ReadFile(path)
		if n++; !known[sha256.Sum256(data)] {
			t.Errorf("%s, of %d bytes, is no message of the account", path, len(data))
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return n
}
