package pdf_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
	"github.com/mailstrata/mailstrata/mail/document/pdf"
)

const limit = 1 << 20

// TestMain is the child process, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == pdf.Argument {
		if err := pdf.Serve(os.Stdin, os.Stdout, os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	directory, err := os.MkdirTemp("", "mailstrata-pdf-")
	if err != nil {
		panic(err)
	}
	cache = directory
	status := m.Run()
	os.RemoveAll(directory)
	os.Exit(status)
}

// cache has the compiled code for all tests.
var cache string

func newExtractor(t *testing.T) *pdf.Extractor {
	t.Helper()
	need.That(t, pdf.Supported(), "PDFs are not read on this machine")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	x := pdf.NewExtractor(self, cache)
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// newPDF returns a PDF with a page for each content stream, in which /F1 is a font with Latin
// letters.
func newPDF(streams ...string) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(offsets), fmt.Sprintf(format, args...))
	}
	b.WriteString("%PDF-1.7\n")
	var kids []string
	for i := range streams {
		kids = append(kids, fmt.Sprintf("%d 0 R", 4+2*i))
	}
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(kids))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	for i, stream := range streams {
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>", 5+2*i)
		object("<< /Length %d %s", len(stream)-strings.Index(stream, "\x00")-1, strings.Replace(stream, "\x00", ">>\nstream\n", 1)+"\nendstream")
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.Bytes()
}

// show is a content stream that shows lines of text.
func show(lines ...string) string {
	var b strings.Builder
	b.WriteString("\x00BT /F1 12 Tf 72 720 Td ")
	for _, line := range lines {
		fmt.Fprintf(&b, "(%s) Tj 0 -14 Td ", line)
	}
	return b.String() + "ET"
}

// A PDF has the text of its pages, up to the limit, one document after the other.
func TestText(t *testing.T) {
	x := newExtractor(t)
	document := newPDF(show("Gr\xfc\xdfe aus K\xf6ln", "two"), show("page two"))
	for range 2 { // the second time in the same child
		text, err := x.Text(context.Background(), document, limit)
		if got := strings.Join(strings.Fields(text), " "); got != "Grüße aus Köln two page two" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	}
	text, err := x.Text(context.Background(), document, 3)
	if text != "Gr" || err != nil {
		t.Errorf("of 3 bytes: %q, %v", text, err)
	}
}

// A damaged PDF is an error, and the next document is read.
func TestErrors(t *testing.T) {
	x := newExtractor(t)
	whole := newPDF(show("text"))
	for name, document := range map[string][]byte{
		"empty": nil, "text": []byte("text"), "begin": []byte("%PDF-1.7\n"), "too large": make([]byte, pdf.MaxDocument+1),
		"no pages": bytes.Replace(whole, []byte("/Kids [4 0 R]"), []byte("/Kids [9 0 R]"), 1),
	} {
		if text, err := x.Text(context.Background(), document, limit); err == nil || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if text, err := x.Text(context.Background(), whole, limit); strings.TrimSpace(text) != "text" || err != nil {
		t.Errorf("afterwards: %q, %v", text, err)
	}
}

// TestDamage requires that damaged documents do not keep the next one from being read.
func TestDamage(t *testing.T) {
	x := newExtractor(t)
	whole := newPDF(show("text"), show("more"))
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		damaged := bytes.Clone(whole[:1+random.IntN(len(whole))])
		for range random.IntN(10) {
			damaged[random.IntN(len(damaged))] = byte(random.Uint32())
		}
		_, _ = x.Text(context.Background(), damaged, limit)
	}
	if text, err := x.Text(context.Background(), whole, limit); strings.Join(strings.Fields(text), " ") != "text more" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestHostile requires that documents made to take time or memory end, and that the next one is
// read.
func TestHostile(t *testing.T) {
	x := newExtractor(t)
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	for range 400 {
		_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	z.Close()
	cycle := newPDF(show("text"))
	for name, document := range map[string][]byte{
		"bomb":        newPDF("/Filter /FlateDecode\x00" + packed.String()),
		"cycle":       bytes.Replace(cycle, []byte("/Kids [4 0 R]"), []byte("/Kids [2 0 R]"), 1),
		"many pages":  bytes.Replace(cycle, []byte("/Count 1"), []byte("/Count 9999999"), 1),
		"deep":        newPDF("\x00" + strings.Repeat("[", 1<<20)),
		"deep object": bytes.Replace(cycle, []byte("/Type /Catalog"), []byte("/A "+strings.Repeat("[", 1<<20)), 1),
		"operators":   newPDF("\x00BT /F1 1 Tf " + strings.Repeat("(a) Tj ", 100_000) + "ET"),
	} {
		begin := time.Now()
		text, err := x.Text(context.Background(), document, limit)
		took := time.Since(begin)
		t.Logf("%s: %v, %d bytes, %v", name, took, len(text), err)
		if took > 10*time.Minute {
			t.Errorf("%s took %v", name, took)
		}
	}
	if text, err := x.Text(context.Background(), newPDF(show("text")), limit); strings.TrimSpace(text) != "text" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestSeveral requires that several goroutines can use an extractor.
func TestSeveral(t *testing.T) {
	x := newExtractor(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			want := fmt.Sprintf("text %d", i)
			if text, err := x.Text(context.Background(), newPDF(show(want)), limit); strings.TrimSpace(text) != want || err != nil {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	group.Wait()
}

// script returns the path of a program in the place of the child.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestChild requires that a child that ends, hangs or lies is an error, and that it gets nothing of
// the environment.
func TestChild(t *testing.T) {
	t.Setenv("MAILSTRATA_PASSWORD", "secret")
	environment := filepath.Join(t.TempDir(), "environment")
	for name, program := range map[string]string{
		"is missing":       "/nonexistent/cache",
		"does not start":   script(t, "export -p >"+environment),
		"ends":             script(t, `printf R`),
		"cuts off":         script(t, `printf 'R\001\000\000\000\011'`),
		"cuts off a page":  script(t, `printf 'R\001\000\000\000\011abc'`),
		"lies":             script(t, `printf 'R\001\377\377\377\377abc'; sleep 60`),
		"talks":            script(t, `yes`),
		"talks after that": script(t, `printf R; yes`),
	} {
		x := pdf.NewExtractor(program, "")
		for range 2 {
			if text, err := x.Text(context.Background(), make([]byte, 1<<20), limit); err == nil || text != "" {
				t.Errorf("%s: %q, %v", name, text, err)
			}
		}
		x.Close()
	}
	if text, err := os.ReadFile(environment); err != nil || strings.Contains(string(text), "secret") {
		t.Errorf("environment %q, %v", text, err)
	}
	for _, begin := range []string{"", "printf R; "} {
		x := pdf.NewExtractor(script(t, begin+"exec sleep 600"), "")
		defer x.Close()
		for range 2 {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			if _, err := x.Text(ctx, make([]byte, 1<<20), limit); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("of a child that hangs: %v", err)
			}
		}
	}
}

// TestUnusable requires that a child that cannot start is started once, and that its reason is the
// error.
func TestUnusable(t *testing.T) {
	starts := filepath.Join(t.TempDir(), "starts")
	x := pdf.NewExtractor(script(t, "echo >>"+starts+"\necho no memory here >&2\necho more >&2\nexit 1"), "")
	defer x.Close()
	for range 3 {
		if _, err := x.Text(context.Background(), nil, limit); err == nil || !strings.HasSuffix(err.Error(), ": no memory here") {
			t.Errorf("%v", err)
		}
	}
	if text, err := os.ReadFile(starts); string(text) != "\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestCache requires that a directory to which others can write is not used.
func TestCache(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("directories have no such modes")
	}
	newExtractor(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	shared := t.TempDir()
	if err := os.Chmod(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	x := pdf.NewExtractor(self, shared)
	defer x.Close()
	if text, err := x.Text(context.Background(), newPDF(show("text")), limit); strings.TrimSpace(text) != "text" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if entries, err := os.ReadDir(shared); len(entries) > 0 || err != nil {
		t.Errorf("the directory has %v, %v", entries, err)
	}
}
