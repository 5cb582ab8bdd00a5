package serve

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/cli"
)

// A browser gets the name of a file that only the user can read, and not the link.
func TestTheLinkIsNoArgument(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the browser is another program")
	}
	dir := t.TempDir()
	seen := filepath.Join(dir, "seen")
	script := "#!/bin/sh\necho \"$@\" >" + seen + ".args\nstat -c %a \"$1\" >" + seen + ".mode\ncat \"$1\" >" + seen + ".tmp\nmv " + seen + ".tmp " + seen + "\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	p := cli.New(cli.Process{Getenv: func(string) string { return dir }}, func(error) {})
	const link = "http://127.0.0.1:8143/prefix/open?token=SECRET"
	done, err := openBrowser(context.Background(), p, link)
	if err != nil {
		t.Fatal(err)
	}
	var page []byte
	for range 500 {
		if page, err = os.ReadFile(seen); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	args, _ := os.ReadFile(seen + ".args")
	mode, _ := os.ReadFile(seen + ".mode")
	if !strings.Contains(string(page), `url=`+link) || strings.Contains(string(args), "SECRET") || strings.TrimSpace(string(mode)) != "600" {
		t.Errorf("the browser gets %q, mode %s: %s", args, mode, page)
	}
	done()
	if _, err := os.Stat(strings.TrimSpace(string(args))); err == nil {
		t.Error("the file is still there")
	}
}
