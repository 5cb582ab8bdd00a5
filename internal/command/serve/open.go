package serve

import (
	"context"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/mailstrata/mailstrata/internal/cli"
)

// redirectLife is how long the file exists that leads a browser to the page. Browsers take a while
// to start.
const redirectLife = time.Minute

// openBrowser opens a URL that logs in. Other users of the host can read the arguments of programs,
// so the browser gets the name of a file that only this user can read, and the file leads on. done
// removes the file.
func openBrowser(ctx context.Context, p *cli.Program, url string) (done func(), err error) {
	dir, err := os.MkdirTemp(p.Getenv("XDG_RUNTIME_DIR"), "mailstrata-") // 0700
	if err != nil {
		return func() {}, fmt.Errorf("make a file for the browser: %w", err)
	}
	done = func() { os.RemoveAll(dir) }
	file := filepath.Join(dir, "open.html")
	if err := os.WriteFile(file, redirect(url), 0o600); err != nil {
		return done, fmt.Errorf("make a file for the browser: %w", err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), browserCommand(file)[0], browserCommand(file)[1:]...)
	if err := cmd.Start(); err != nil {
		return done, fmt.Errorf("open a browser: %w", err)
	}
	go cmd.Wait()
	timer := time.AfterFunc(redirectLife, done)
	return func() { timer.Stop(); os.RemoveAll(dir) }, nil
}

// redirect returns a page that leads to a URL.
func redirect(url string) []byte {
	url = html.EscapeString(url)
	return []byte(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">` +
		`<meta http-equiv="refresh" content="0; url=` + url + `"><title>mailstrata</title></head>` +
		`<body><p><a href="` + url + `">Open mailstrata</a></p></body></html>` + "\n")
}

// browserCommand returns the command that opens a file in the browser of the user.
func browserCommand(file string) []string {
	switch runtime.GOOS {
	case "darwin":
		return []string{"open", file}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", file}
	}
	return []string{"xdg-open", file}
}
