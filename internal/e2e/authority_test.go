package e2e_test

import (
	"encoding/pem"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A bucket with a certificate of a private authority is refused with a hint, and reached with the
// authority named by the flag, by the configuration, and by the variable of AWS's own tools.
func TestPrivateAuthority(t *testing.T) {
	t.Parallel()
	minio := testbed.MinIO(t)
	behind, err := url.Parse(minio.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = r.In.Host // it is signed
	}})
	t.Cleanup(front.Close)
	h := newHost(t)
	authority := filepath.Join(h.home, "authority.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	name := minio.NewBucket()
	h.use(minio, name)
	place := "s3:" + front.URL + "/" + name
	h.set("MAILSTRATA_REPO", place)
	h.set("MAILSTRATA_PASSWORD", passphrase)
	h.fails(1, "does not trust", "--ca-file", "init")
	h.must(0, "init", "--ca-file", authority)
	h.fails(1, "does not trust", "--ca-file", "list")
	h.must(0, "list", "--ca-file", authority)
	h.set("AWS_CA_BUNDLE", authority)
	h.must(0, "list")
	h.set("AWS_CA_BUNDLE", authority+".missing")
	h.fails(1, "authority.pem.missing", "", "list")
	h.set("AWS_CA_BUNDLE", "")
	h.set("MAILSTRATA_REPO", "")
	file := filepath.Join(h.home, "config.toml")
	text = []byte("[[repositories]]\nplace = \"" + place + "\"\nca_file = \"authority.pem\"\n")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	h.must(0, "list", "--config", file)
}
