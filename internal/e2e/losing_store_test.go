package e2e_test

import (
	"crypto/md5"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// losingStore stands before an object store, acknowledges some objects, and does not pass them on.
type losingStore struct {
	*httptest.Server
	mu     sync.Mutex
	folder string // of the objects that it loses; "": none
	left   int    // how many it still loses
	lost   int
}

func newLosingStore(t *testing.T, s testbed.S3) *losingStore {
	t.Helper()
	behind, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	l := new(losingStore)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = r.In.Host // the signature is over it
	}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || !l.loses(r.URL.Path) {
			proxy.ServeHTTP(w, r)
			return
		}
		sum := md5.New()
		_, _ = io.Copy(sum, r.Body)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum.Sum(nil))+`"`)
	}))
	t.Cleanup(l.Close)
	return l
}

// lose has it lose so many objects of a folder from now on.
func (l *losingStore) lose(folder string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.folder, l.left, l.lost = folder, n, 0
}

func (l *losingStore) loses(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.folder == "" || l.left == 0 || !strings.Contains(path, "/"+l.folder+"/") {
		return false
	}
	l.left--
	l.lost++
	return true
}

// An object store that answers 200 and does not keep the object costs one more PUT, if it keeps
// that, and else the command, which names the object. Nothing that was committed ever relies on
// what was lost.
func TestStoreThatLosesWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	minio := testbed.MinIO(t)
	for _, folder := range []string{"data", "catalog", "index", "manifests"} {
		t.Run(folder, func(t *testing.T) {
			dovecot := startDovecot(t, testbed.DovecotOptions{})
			account := accountURL("anna", dovecot.Addr)
			losing := newLosingStore(t, minio)
			h := newHost(t)
			through := minio
			through.Endpoint = losing.URL
			h.use(through, minio.NewBucket())
			h.seal()
			for night := range uint64(2) {
				dovecot.Deliver("anna", "INBOX", appended(generate.New(60+night).Messages(15))...)
				losing.lose(folder, 1000)
				e := h.must(1, "backup", "--imap", account)
				if !strings.Contains(e.stderr, folder+"/") || !strings.Contains(e.stderr, "did not keep it") {
					t.Errorf("night %d: the object is not named:\n%s", night, e.stderr)
				}
				losing.lose(folder, 1)
				h.backUp(0, account)
				if losing.lost != 1 {
					t.Errorf("night %d: %d objects were lost", night, losing.lost)
				}
				losing.lose("", 0)
				h.must(0, "check", "--read-data")
			}
			back := filepath.Join(h.home, "back")
			if r := h.restore(0, "latest", "maildir:"+back, "--eol", "keep"); r.Added != 30 {
				t.Errorf("%d messages come back, want 30", r.Added)
			}
			h.copyThroughLosing(losing, through, folder, minio.NewBucket())
		})
	}
}

// copyThroughLosing copies into another bucket behind the same store.
func (h *host) copyThroughLosing(losing *losingStore, s testbed.S3, folder, bucket string) {
	h.t.Helper()
	place, key := "s3:"+s.Endpoint+"/"+bucket, filepath.Join(h.home, "second.key")
	h.must(0, "init", "--repo", place, "--new-key-file", key)
	copying := []string{"copy", "--to", place, "--to-key-file", key}
	losing.lose(folder, 1000)
	if e := h.must(1, copying...); !strings.Contains(e.stderr, "did not keep it") {
		h.t.Errorf("copy: the object is not named:\n%s", e.stderr)
	}
	losing.lose(folder, 1)
	h.must(0, copying...)
	losing.lose("", 0)
	h.must(0, "check", "--read-data", "--repo", place, "--key-file", key)
}
