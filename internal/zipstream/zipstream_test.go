package zipstream

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// The standard library reads what was written: names, times and data.
func TestWriter(t *testing.T) {
	day := time.Date(2026, 3, 13, 2, 10, 4, 0, time.UTC)
	for _, count := range []int{0, 1, 3, 70_000} {
		var b bytes.Buffer
		z := NewWriter(&b)
		for i := range count {
			w, err := z.Create(name(i), day.Add(time.Duration(i)*time.Second))
			if err == nil {
				_, err = io.WriteString(w, text(i))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil || len(r.File) != count {
			t.Fatalf("%d files, %v; want %d", len(r.File), err, count)
		}
		for i, f := range r.File {
			if f.Name != name(i) || !f.Modified.Equal(day.Add(time.Duration(i)*time.Second)) || f.Mode() != 0o600 {
				t.Fatalf("%q, %v, %v", f.Name, f.Modified, f.Mode())
			}
			if i%5000 > 2 {
				continue
			}
			data, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			have, err := io.ReadAll(data)
			if err != nil || string(have) != text(i) {
				t.Fatalf("%.50q, %v", have, err)
			}
		}
	}
}

// A directory is one for the standard library, also between files.
func TestMkdir(t *testing.T) {
	day := time.Date(2026, 3, 13, 2, 10, 4, 0, time.UTC)
	var b bytes.Buffer
	z := NewWriter(&b)
	for _, name := range []string{"a/x", "Entwürfe", "b/y"} {
		var err error
		if name == "Entwürfe" {
			err = z.Mkdir(name, day)
		} else {
			var w io.Writer
			if w, err = z.Create(name, day); err == nil {
				_, err = io.WriteString(w, name)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(r.File) != 3 {
		t.Fatal(err)
	}
	if f := r.File[1]; f.Name != "Entwürfe/" || f.Mode() != fs.ModeDir|0o700 || !f.Modified.Equal(day) || f.NonUTF8 {
		t.Errorf("%q, %v, %v", f.Name, f.Mode(), f.Modified)
	}
	for _, name := range []string{"a/x", "b/y"} {
		if text, err := fs.ReadFile(r, name); err != nil || string(text) != name {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	path := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if tool, err := exec.LookPath("unzip"); err == nil {
		if out, err := exec.Command(tool, "-t", path).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}

func name(i int) string { return fmt.Sprintf("INBOX/2026-03-13 0210 Grüße %d.eml", i) }

func text(i int) string { return strings.Repeat(fmt.Sprintf("line %d\r\n", i), i%1000) }

// Files beyond 4 GiB have wide offsets, which readers find.
func TestWideOffsets(t *testing.T) {
	var kept tail
	z := NewWriter(&kept)
	for i := range 3 {
		if _, err := z.Create(name(i), time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			z.out.n += 5 << 30 // as if the data had been as long
			z.file.start += 5 << 30
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(&kept, 5<<30+int64(len(kept.b)))
	if err != nil || len(r.File) != 3 {
		t.Fatal(r, err)
	}
	if at, err := r.File[2].DataOffset(); err != nil || at < 5<<30 {
		t.Error(at, err)
	}
}

// tail is a file that begins with 5 GiB that nobody reads.
type tail struct{ b []byte }

func (f *tail) Write(p []byte) (int, error) {
	f.b = append(f.b, p...)
	return len(p), nil
}

func (f *tail) ReadAt(p []byte, at int64) (int, error) {
	for i := range p {
		switch from := at + int64(i) - (5 << 30); {
		case from >= int64(len(f.b)):
			return i, io.EOF
		case from >= 0:
			p[i] = f.b[from]
		default:
			p[i] = 0
		}
	}
	return len(p), nil
}

// Each write may fail, and the error is returned.
func TestErrors(t *testing.T) {
	for limit := range 260 {
		out := &full{limit}
		z := NewWriter(out)
		w, err := z.Create("a", time.Time{})
		if err == nil {
			_, err = io.WriteString(w, text(30))
		}
		if err == nil {
			err = z.Close()
		}
		if failed := out.room < 0; failed != (err != nil) {
			t.Errorf("after %d bytes: %v", limit, err)
		}
	}
}

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// Info-ZIP finds no fault.
func TestInfoZIP(t *testing.T) {
	unzip := need.Program(t, "unzip", "make packages")
	path := filepath.Join(t.TempDir(), "a.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := NewWriter(f)
	for i := range 3 {
		w, err := z.Create(name(i), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if out, err := exec.Command(unzip, "-t", path).CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}
