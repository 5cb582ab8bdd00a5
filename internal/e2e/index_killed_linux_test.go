package e2e_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
)

// planted are words of the mail of TestIndexKilled: of a body, a subject, an address, the name of a
// file and a PDF.
var planted = []string{"Zwetschgendatschi", "zwetschgendatschi", "Hippopotamus", "hippopotamus", "marmelade@", "Kaiserschmarrn", "kaiserschmarrn", "Palatschinken", "palatschinken"}

// plantedMessage returns message n, with a PDF.
func plantedMessage(n int) []byte {
	page := "BT /F1 24 Tf 72 700 Td (Palatschinken) Tj ET"
	pdf := fmt.Sprintf("%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"+
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"+
		"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"+
		"trailer<</Root 1 0 R>>\n%%%%EOF\n%%%d", len(page), page, n)
	return fmt.Appendf(nil, "From: marmelade@mail.example\r\nSubject: Hippopotamus %d\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nZwetschgendatschi %s\r\n--b\r\n"+
		"Content-Type: application/pdf; name=Kaiserschmarrn.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n--b--\r\n",
		n, strings.Repeat(fmt.Sprintf("w%d ", n), 200), base64.StdEncoding.EncodeToString([]byte(pdf)))
}

// inPlainText returns the files in directories that have a planted word.
func inPlainText(t *testing.T, dirs ...string) (found []string) {
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // it went away
			}
			text, _ := os.ReadFile(path)
			for _, word := range planted {
				if bytes.Contains(text, []byte(word)) {
					found = append(found, fmt.Sprintf("%s has %q", path, word))
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	return found
}

// childrenOf counts the processes that read PDFs for a host.
func childrenOf(h *host) (n int) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		if line, _ := os.ReadFile(path); bytes.Contains(line, []byte("read-pdf\x00"+h.home)) {
			n++
		}
	}
	return n
}

// The building of an index is killed at random moments, also while PDFs are read. At no time is a
// word of the mail in plain text on the disk, no child process is left behind, and in the end
// everything is found.
func TestIndexKilled(t *testing.T) {
	t.Parallel()
	const messages = 60
	h := newHost(t)
	temp := t.TempDir()
	h.set("TMPDIR", temp)
	h.set("MAILSTRATA_REPO", h.home+"/repository")
	h.seal()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	account, err := server.AddAccount("anna", imapPassword)
	if err != nil {
		t.Fatal(err)
	}
	for n := range messages {
		if err := account.Append("INBOX", demo.Message{Body: plantedMessage(n), Internal: time.Unix(1e9+int64(n), 0)}); err != nil {
			t.Fatal(err)
		}
	}
	h.backUp(0, server.URL("anna"))
	if err := os.WriteFile(filepath.Join(temp, "planted"), []byte("a hippopotamus"), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(inPlainText(t, h.home, temp)) != 1 {
		t.Fatal("a planted word is not found")
	}
	_ = os.Remove(filepath.Join(temp, "planted"))
	random, took, kills := rand.New(rand.NewPCG(14, 7)), 4*time.Second, 0
	for range 4 {
		h.must(0, "index", "drop")
		cmd := h.command("index", "build")
		began := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := time.AfterFunc(time.Duration(random.Int64N(int64(took))), func() { _ = cmd.Process.Kill() })
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait()
			close(ended)
		}()
		for running := true; running; {
			select {
			case <-ended:
				running = false
			case <-time.After(10 * time.Millisecond):
			}
			if found := inPlainText(t, h.home, temp); found != nil {
				t.Fatalf("in plain text: %s", found)
			}
		}
		if stop.Stop() {
			took = time.Since(began)
		} else {
			kills++
		}
		for deadline := time.Now().Add(3 * time.Minute); childrenOf(h) > 0; time.Sleep(20 * time.Millisecond) { // one may compile
			if time.Now().After(deadline) {
				t.Fatal("a child process is left behind")
			}
		}
	}
	t.Logf("killed %d times", kills)
	if kills == 0 {
		t.Error("nothing was killed")
	}
	h.must(0, "index", "build")
	for _, word := range []string{"zwetschgendatschi", "palatschinken", "kaiserschmarrn"} {
		if got := strings.Count(h.must(0, "find", "--json", "--limit", "1000", word).stdout, "\n"); got != messages {
			t.Errorf("%s: %d found, want %d", word, got, messages)
		}
	}
	if found := inPlainText(t, h.home, temp); found != nil {
		t.Errorf("in plain text: %s", found)
	}
}
