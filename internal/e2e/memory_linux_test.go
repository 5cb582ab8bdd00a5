package e2e_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// BenchmarkMemory tells the peak memory of a first backup, of a second one and of a restore, of an account of 500 MB:
//
//	go test ./internal/e2e -run '^$' -bench Memory -benchtime 1x
func BenchmarkMemory(b *testing.B) {
	minio := testbed.MinIO(b)
	dovecot := startDovecot(b, testbed.DovecotOptions{})
	g := generate.New(50)
	f := place(b, dovecot, "anna")
	var bytes int64
	for i := 0; bytes < 500e6; i++ {
		m := g.Message()
		if bytes += int64(len(m.Body)); i%20 == 0 {
			g.Forget() // new files: what repeats is stored once, and would cost nothing
		}
		f.put([]string{"INBOX", "Sent", "lists/go"}[i%3], m)
	}
	f.done()
	for b.Loop() {
		h := newHost(b)
		h.use(minio, minio.NewBucket())
		h.seal()
		account := accountURL("anna", dovecot.Addr)
		b.ReportMetric(peak(b, h, "backup", "--imap", account), "MiB/first")
		b.ReportMetric(peak(b, h, "backup", "--imap", account), "MiB/second")
		b.ReportMetric(peak(b, h, "restore", "latest", "--to", "maildir:"+filepath.Join(b.TempDir(), "back")), "MiB/restore")
		b.ReportMetric(float64(bytes)/1e6, "MB")
	}
}

// peak runs the program and returns the most memory that it had, in MiB.
func peak(b *testing.B, h *host, args ...string) float64 {
	b.Helper()
	cmd := h.command(args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
}
