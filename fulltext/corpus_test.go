package fulltext_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail/extract"
)

// benchMaildir is a directory of files with one message each.
const benchMaildir = "MAILSTRATA_BENCH_MAILDIR"

// BenchmarkCorpus builds an index of the messages in a directory. It reports CPU seconds for 100 MB of raw mail: of extraction,
// which is not part of an index, and of the index.
func BenchmarkCorpus(b *testing.B) {
	dir := os.Getenv(benchMaildir)
	if dir == "" {
		b.Skipf("set %s", benchMaildir)
	}
	var all []fulltext.Message
	var raw, text int64
	extracting := cpu(b, func() {
		must(b, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			message, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			t := extract.Message(b.Context(), message, nil)
			m := fulltext.Message{Hash: hash(len(all)), Date: time.Unix(1_400_000_000+int64(len(all)*7919%100_000)*1000, 0)}
			m.Fields = words.Fields{From: t.From, To: t.To, Subject: t.Subject, Body: t.Body}
			for _, a := range t.Attachments {
				m.Fields.Attachments = append(m.Fields.Attachments, a.Name+"\n"+a.Text)
				text += int64(len(a.Name) + len(a.Text))
			}
			all = append(all, m)
			raw += int64(len(message))
			text += int64(len(m.Fields.From) + len(m.Fields.To) + len(m.Fields.Subject))
			for _, body := range m.Fields.Body {
				text += int64(len(body))
			}
			return nil
		}))
	})
	b.Logf("%d messages, %d MB raw, %d MB of text", len(all), raw/1e6, text/1e6)
	var indexing time.Duration
	for b.Loop() {
		x := open(b, b.TempDir())
		indexing += cpu(b, func() {
			for rest := all; len(rest) > 0; {
				n := min(2000, len(rest))
				add(b, x, rest[:n]...)
				rest = rest[n:]
			}
		})
		status, err := x.Status(b.Context())
		must(b, err)
		b.ReportMetric(float64(status.Bytes)/float64(text), "size/text")
	}
	b.ReportMetric(extracting.Seconds()/float64(raw)*1e8, "extract-s/100MB")
	b.ReportMetric(indexing.Seconds()/float64(b.N)/float64(raw)*1e8, "index-s/100MB")
}
