package extract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
	"github.com/mailstrata/mailstrata/mail/extract"
)

// words returns the words of texts: runs of letters and digits, without marks.
// testdata/reference.py does the same.
func words(texts ...string) map[string]bool {
	found := make(map[string]bool)
	fold := cases.Fold()
	for _, text := range texts {
		text = norm.NFKD.String(fold.String(text))
		text = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.M, r) {
				return -1
			}
			return r
		}, text)
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
			found[word] = true
		}
	}
	return found
}

// reference is what testdata/reference.py prints of a message.
type reference struct {
	File         string
	Header, Body []string
	Error        string
}

// referenceOf reads messages with Python's email package.
func referenceOf(t *testing.T, files []string) []reference {
	t.Helper()
	need.Program(t, "python3", "apt-get install python3")
	script := exec.Command("python3", filepath.Join("testdata", "reference.py"))
	script.Stdin = strings.NewReader(strings.Join(files, "\n") + "\n")
	var problems bytes.Buffer
	script.Stderr = &problems
	output, err := script.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problems.Bytes())
	}
	var list []reference
	for d := json.NewDecoder(bytes.NewReader(output)); d.More(); {
		var r reference
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// difference returns the words that are in one list alone.
func difference(ours map[string]bool, theirs []string) (missing, extra []string) {
	for _, word := range theirs {
		if !ours[word] {
			missing = append(missing, word)
		}
		delete(ours, word)
	}
	for word := range ours {
		extra = append(extra, word)
	}
	slices.Sort(extra)
	return missing, extra
}

// compare returns the words of a message that only the reference has, and those that it lacks.
func compare(message []byte, r reference) (missing, extra []string) {
	return differences(extract.Message(context.Background(), message, nil), r)
}

func differences(text *extract.Text, r reference) (missing, extra []string) {
	body := text.Body
	for _, a := range text.Attachments {
		if strings.HasPrefix(a.Type, "text/") || strings.HasPrefix(a.Type, "message/") {
			body = append(body, a.Text)
		}
	}
	missing, extra = difference(words(text.From, text.To, text.Subject), r.Header)
	missingBody, extraBody := difference(words(body...), r.Body)
	return append(missing, missingBody...), append(extra, extraBody...)
}

// TestCorpus compares the text of all messages in the directory MAILSTRATA_TEST_CORPUS with what
// Python's email package reads. The two disagree about malformed messages, so the test reports
// differences and requires that they are few. It reports the time that extraction takes, too.
func TestCorpus(t *testing.T) {
	directory := os.Getenv("MAILSTRATA_TEST_CORPUS")
	if directory == "" {
		t.Skip("MAILSTRATA_TEST_CORPUS names no directory")
	}
	files := corpus(t, directory)
	size, different, failed := 0, 0, 0
	var took time.Duration
	for _, r := range referenceOf(t, files) {
		message, err := os.ReadFile(r.File)
		if err != nil {
			t.Fatal(err)
		}
		size += len(message)
		begin := time.Now()
		text := extract.Message(context.Background(), message, nil)
		took += time.Since(begin)
		if r.Error != "" {
			failed++
			continue
		}
		missing, extra := differences(text, r)
		if len(missing)+len(extra) > 0 {
			different++
			t.Logf("%s: missing %.200q, extra %.200q", r.File, missing[:min(len(missing), 12)], extra[:min(len(extra), 12)])
		}
	}
	t.Logf("%d messages, %d bytes: %d differ, Python failed on %d; %v, %.2f s for 100 MB", len(files), size, different, failed, took,
		took.Seconds()/float64(size)*1e8)
	if different > len(files)/10 {
		t.Errorf("%d of %d messages differ", different, len(files))
	}
}

func corpus(t testing.TB, directory string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		dir := filepath.Base(filepath.Dir(path))
		if err == nil && !entry.IsDir() && (dir == "cur" || dir == "new") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
