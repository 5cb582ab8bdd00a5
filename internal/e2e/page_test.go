package e2e_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// visitor asks for pages as a browser does.
type visitor struct {
	t      *testing.T
	client http.Client
	first  *url.URL
}

// visit logs in by a link.
func visit(t *testing.T, link string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, client: http.Client{Jar: jar}}
	if v.first, err = url.Parse(link); err != nil {
		t.Fatal(err)
	}
	if _, text := v.get(link); !strings.Contains(text, "You are logged in") {
		t.Fatalf("the link leads to %s", text)
	}
	v.first, _ = v.first.Parse("./")
	return v
}

// get returns the status and the content of a page, by its address in the first page.
func (v *visitor) get(address string) (status int, text string) {
	v.t.Helper()
	at, err := v.first.Parse(address)
	if err != nil {
		v.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(v.t.Context(), "GET", at.String(), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatalf("%s: %v", address, err)
	}
	return answer.StatusCode, string(content)
}

var addresses = regexp.MustCompile(`(?:href|src)="([^"#][^"]*)"`)

// walk gets all pages that can be reached, and calls do with each.
func (v *visitor) walk(do func(path, address, text string)) {
	v.t.Helper()
	seen := map[string]bool{}
	for queue := []string{"./"}; len(queue) > 0 && !v.t.Failed(); queue = queue[1:] {
		address := queue[0]
		path, query, _ := strings.Cut(address, "?")
		if path == "attachment" && !strings.Contains(query, "i=1&") { // one oddity has a thousand
			continue
		}
		if seen[address] || strings.Contains(path, ":") || path == "link" || strings.Contains(query, "&s=") && path == "mailbox" {
			continue
		}
		seen[address] = true
		status, text := v.get(address)
		if status != 200 {
			v.t.Fatalf("%s: status %d\n%s", address, status, text)
		}
		do(path, address, text)
		if path == "eml" || path == "export" || path == "attachment" || path == "style.css" {
			continue
		}
		for _, m := range addresses.FindAllStringSubmatch(text, -1) {
			queue = append(queue, strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(m[1]))
		}
	}
}

// All pages of an account in a bucket, with odd messages and odd names of mailboxes, can be opened.
// Each message can be downloaded as the server had it, alone and with its mailbox.
func TestServedAsPages(t *testing.T) {
	t.Parallel()
	dovecot, minio := startDovecot(t, testbed.DovecotOptions{}), testbed.MinIO(t)
	f := place(t, dovecot, "anna")
	g := generate.New(11)
	f.put("INBOX", g.Messages(5)...)
	f.put("Entw&APw-rfe", g.Messages(2)...)
	f.put("a<b>&-c", g.Messages(1)...)
	f.put("odd", g.Oddities()...)
	f.done()
	h := newHost(t)
	h.use(minio, minio.NewBucket())
	h.secrets = append(h.secrets, servePassword)
	h.seal()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	dovecot.Doveadm("expunge", "-u", "anna", "mailbox", "INBOX", "1")
	h.backUp(0, accountURL("anna", dovecot.Addr))
	wanted := map[[32]byte]bool{}
	for _, b := range readAccount(t, dovecot.Addr, "anna", imapPassword) {
		for _, l := range b.letters {
			wanted[l.sum] = true
		}
	}
	_, link := h.serveAll(servePassword)
	v := visit(t, link)
	if status, _ := v.get(link); status != 403 {
		t.Errorf("the second time the link has status %d", status)
	}
	alone, inFiles, kinds := map[[32]byte]bool{}, map[[32]byte]bool{}, map[string]int{}
	v.walk(func(path, address, text string) {
		kinds[path]++
		switch {
		case path == "eml":
			alone[sha256.Sum256([]byte(text))] = true
		case path == "export" && strings.Contains(address, "as=zip"):
			z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range z.File {
				var b bytes.Buffer
				r, err := file.Open()
				if err == nil {
					_, err = b.ReadFrom(r)
				}
				if err != nil {
					t.Fatal(err)
				}
				inFiles[sha256.Sum256(b.Bytes())] = true
			}
		}
	})
	for sum := range wanted {
		if !alone[sum] || !inFiles[sum] {
			t.Errorf("message %x is downloaded alone: %v, in a file: %v", sum[:4], alone[sum], inFiles[sum])
		}
	}
	if len(alone) != len(wanted)+1 {
		t.Errorf("%d messages, want %d and the one that is gone", len(alone), len(wanted))
	}
	for _, path := range []string{"account", "night", "mailbox", "message", "frame", "attachment", "changes", "export", "storage", "eml"} {
		if kinds[path] == 0 {
			t.Errorf("no page leads to %s: %v", path, kinds)
		}
	}
}
