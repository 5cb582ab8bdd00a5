package page_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// breakObjects changes a byte in the middle of each object in some folders, and returns how many
// there are.
func breakObjects(store *storetest.Memory, folders ...string) (n int) {
	for _, name := range store.Names() {
		for _, folder := range folders {
			if strings.HasPrefix(name, folder) {
				text := store.Bytes(name)
				text[len(text)/2] ^= 1
				store.Replace(name, text)
				n++
			}
		}
	}
	return n
}

// large returns a message with an attachment that cannot be compressed, and which several frames
// hold.
func large(size int) string {
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(content)
	var b strings.Builder
	b.WriteString("Subject: large\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nthe text\r\n--b\r\nContent-Type: image/png\r\n" +
		"Content-Disposition: attachment; filename=\"large.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	text := base64.StdEncoding.EncodeToString(content)
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	return b.String() + text + "\r\n--b--\r\n"
}

// damageable archives two nights, with an attachment of some bytes, and returns the store.
func damageable(t *testing.T, attached int) *storetest.Memory {
	t.Helper()
	store := new(storetest.Memory)
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	inbox.Add(mixed)
	inbox.Add("Subject: page\r\nContent-Type: text/html\r\n\r\n<p>a page</p>\r\n")
	inbox.Add("Subject: gone\r\n\r\nbridge\r\n")
	r := archivetest.NewRepo(t, store)
	archivetest.Backup(t, r, a)
	store.Advance(24 * time.Hour)
	inbox.Expunge(3)
	inbox.Add(large(attached))
	archivetest.Backup(t, r, a)
	return store
}

// Whatever is damaged under a server that runs, each page answers with a sentence. What the server
// has in its memory may go on.
func TestDamageIsASentence(t *testing.T) {
	whole := damageable(t, 100_000)
	healthy := open(t, view.Archives{view.NewArchive(archivetest.Reopen(t, whole))})
	addresses := []string{address("search", "a", account, "q", "bridge"), address("search", "a", account, "q", "larger:1"), "storage"}
	kinds := map[string]int{}
	for _, at := range slices.Sorted(maps.Keys(healthy.walk(150))) {
		path, query, _ := strings.Cut(at, "?")
		values, _ := url.ParseQuery(query)
		kind := fmt.Sprint(path, values["v"], values["as"], values.Has("q"), values.Has("b"))
		if kinds[kind]++; kinds[kind] <= 2 {
			addresses = append(addresses, at)
		}
	}
	for name, folders := range map[string][]string{
		"mail": {"data/"}, "catalogs": {"catalog/"}, "manifests": {"manifests/"},
		"all": {"data/", "catalog/", "manifests/", "index/", "checks/", "tags/"},
	} {
		for _, begun := range []bool{false, true} {
			store := whole.Clone()
			b := open(t, view.Archives{view.NewArchive(archivetest.Reopen(t, store))})
			if begun {
				for _, at := range []string{"./", address("mailbox", "a", account, "m", "INBOX")} {
					b.get(at)
				}
			}
			if breakObjects(store, folders...) == 0 {
				t.Fatalf("there is nothing of %s in %q", name, store.Names())
			}
			sentences := 0
			for _, at := range addresses {
				sentences += b.mustExplain(name, at)
			}
			t.Logf("%s, begun %v: %d of %d addresses say that something is damaged", name, begun, sentences, len(addresses))
			if sentences == 0 {
				t.Errorf("%s, begun %v: no page says that something is damaged", name, begun)
			}
		}
	}
}

// mustExplain asks for an address of a damaged archive. It returns 1 if the answer has a sentence
// about the damage.
func (b *browser) mustExplain(name, at string) (sentences int) {
	b.t.Helper()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { // a download that had begun
			b.t.Errorf("%s: %s: %v", name, at, p)
		}
	}()
	answer := b.ask(b.server.Prefix() + strings.TrimPrefix(at, "./"))
	body, _ := io.ReadAll(answer.Body)
	text := string(body)
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		mustNest(b.t, at, text)
	}
	says := strings.Contains(text, "damage") || strings.Contains(text, "cannot be read") || strings.Contains(text, "mismatch") || strings.Contains(text, "missing-1.txt")
	switch {
	case answer.StatusCode != 200 && answer.StatusCode != 404 && answer.StatusCode != 500:
		b.t.Errorf("%s: %s: status %d", name, at, answer.StatusCode)
	case answer.StatusCode == 500 && !says, text == "":
		b.t.Errorf("%s: %s: status %d does not say why: %q", name, at, answer.StatusCode, text)
	case strings.Contains(text, "internal error"):
		b.t.Errorf("%s: %s: %s", name, at, text)
	case says:
		return 1
	}
	return 0
}

// A download that breaks after it began is no whole file for the browser.
func TestBrokenDownloadsFail(t *testing.T) {
	store := damageable(t, 6<<20)
	b := open(t, view.Archives{view.NewArchive(archivetest.Reopen(t, store))})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = host
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.AddCookie(&http.Cookie{Name: "mailstrata", Value: b.cookie})
		b.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	largest := ""
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "data/") && len(store.Bytes(name)) > len(store.Bytes(largest)) {
			largest = name
		}
	}
	text := store.Bytes(largest)
	text[len(text)*3/4] ^= 1
	store.Replace(largest, text)
	download := func(at string) (int, []byte, error) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+b.server.Prefix()+at, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := server.Client().Do(request)
		if err != nil {
			return 0, nil, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return answer.StatusCode, body, err
	}
	at := func(path string, more ...string) string {
		return address(path, append([]string{"a", account, "m", "INBOX"}, more...)...)
	}
	status, body, err := download(at("attachment", "u", "4", "i", "1"))
	if status != 200 || !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 {
		t.Errorf("the attachment: status %d, %d bytes, error %v", status, len(body), err)
	}
	// These find the damage before they begin, or leave out the message.
	for path, want := range map[string]string{
		at("eml", "u", "4"): "500 The message cannot be read", at("export", "as", "mbox"): "200 Messages are missing here", at("export", "as", "zip"): "200 missing-1.txt",
	} {
		status, body, err := download(path)
		if code, words, _ := strings.Cut(want, " "); err != nil || fmt.Sprint(status) != code || !strings.Contains(string(body), words) {
			t.Errorf("%s: status %d, %d bytes, error %v, want %s", path, status, len(body), err, want)
		}
	}
}
