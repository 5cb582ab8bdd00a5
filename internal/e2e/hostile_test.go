package e2e_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/internal/demo"
)

// csiName has what some terminals take for the beginning of an escape sequence. (The server of the
// demo refuses ASCII's control characters.)
const csiName = "csi\u009b2Jx"

// hostileNames are names of mailboxes that could harm the host that archives them, made on purpose
// or not.
var hostileNames = []string{
	"..", ".", "../../escape", "a/../../../b", "a/./b", "~", "~root", "-rf", ".hidden", "cur", "new", "tmp", "dovecot-uidlist",
	csiName, "\u202egpj.exe", "zero\u200bwidth", "line\u2028break",
	"Case", "case", "caf\u00e9", "cafe\u0301", "CON", "nul.txt", "aux/com1", "trailing.", "trailing ", " ", `back\slash`, "a:b", "per%cent", "%2e%2e",
	strings.Repeat("long", 1000), strings.Repeat("deep/", 60) + "end", strings.Repeat("ö", 200), "q\"uote", "star*", "$(reboot)", "`reboot`",
}

// hostileText is for headers: as bytes, and in encoded words.
const hostileText = "\x1b[2J\x1b]0;pwned\a \u009b31m \u202eevil =?utf-8?Q?=1B[31m=C2=9B2J=E2=80=AE?= =?iso-8859-1?Q?=9B2J=1B?= \x08\x0b"

// hostile is an account full of such names and texts, archived twice, with a change between.
func hostile(t *testing.T) (h *host, messages int) {
	t.Helper()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	a, err := server.AddAccount("anna", imapPassword)
	if err != nil {
		t.Fatal(err)
	}
	put := func(mailbox, text string) {
		t.Helper()
		body := fmt.Appendf(nil, "Subject: %s %s\r\nFrom: %s <\x1b[31m@example.org>\r\nTo: %[2]s\r\nMessage-ID: <%[1]s\x1b[31m@x>\r\n"+
			"Content-Type: text/plain; name=\"%[2]s.pdf\"\r\nContent-Disposition: attachment; filename=\"../%[2]s.pdf\"\r\n\r\n%[1]s\r\n", text, hostileText, hostileText)
		if err := a.Append(mailbox, demo.Message{Body: body, Internal: time.Unix(1e9, 0), Flags: []string{`\Seen`}}); err != nil {
			t.Fatal(err)
		}
		messages++
	}
	for i, name := range hostileNames {
		if err := a.Create(name); err != nil {
			t.Logf("the server does not take %.40q: %v", name, err)
			continue
		}
		put(name, fmt.Sprint("message ", i))
	}
	h = newHost(t)
	h.onDirectory()
	h.backUp(0, server.URL("anna"))
	put("INBOX", "later")
	put(csiName, "later too")
	m := h.backUp(0, server.URL("anna"))
	if m.Messages != messages {
		t.Fatalf("%d messages of %d are archived", m.Messages, messages)
	}
	return h, messages
}

// No name or header makes a terminal do anything, and no message is written outside of the target
// of a restore.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	h, messages := hostile(t)
	for _, args := range [][]string{
		{"list"}, {"show", "latest"}, {"ls", "latest"}, {"ls", "latest", csiName}, {"ls", "latest", "INBOX"}, {"diff", "latest~1", "latest"},
		{"find", "from:example.org"}, {"find", "subject:later"}, {"find", "--attachment", "*pdf"}, {"stats"}, {"check"},
		{"ls", "latest", "no such \x1b[31m mailbox"}, {"cat", "latest", csiName, "99"}, {"show", "no\x1b[31mmanifest"}, {"tag", "latest", "t\x1b[31m"},
		{"restore", "latest", "--to", "maildir:dry", "--dry-run"}, {"restore", "latest", "--to", "eml:dry", "--dry-run"},
		{"restore", "latest", "--mailbox", "x\x1b[31m", "--to", "maildir:never"},
		{"backup", "--imap", "imap://a\x1b[31m@127.0.0.1:1"}, {"\x1b[31m"}, {"--repo", "/nowhere\x1b[31m", "list"},
	} {
		for _, format := range []string{"", "--json"} {
			all := args
			if format != "" {
				all = append([]string{format}, args...)
			}
			e := h.run(all...)
			harmlessOutput(t, e)
		}
	}
	for _, kind := range []string{"maildir:", "eml:"} {
		home := t.TempDir()
		around := filepath.Join(home, "deep", "deeper")
		for _, adding := range []int{messages, 0} {
			e := h.run("restore", "--json", "latest", "--to", kind+filepath.Join(around, "target"), "--with-deleted")
			harmlessOutput(t, e)
			var r restored
			if e.json(&r); r.Added != adding || e.status != 0 {
				t.Errorf("%s ends with %d and adds %d messages of %d: %s", e.call, e.status, r.Added, adding, e.stderr)
			}
		}
		for _, dir := range []string{home, filepath.Join(home, "deep"), around} {
			for _, name := range dirEntries(t, dir) {
				if name != "deep" && name != "deeper" && name != "target" && !strings.HasPrefix(name, ".") {
					t.Errorf("outside of the target there is %s/%s", dir, name)
				}
			}
		}
	}
}

// harmlessOutput requires lines of characters that a terminal shows.
func harmlessOutput(t *testing.T, e ended) {
	t.Helper()
	for _, text := range []string{e.stdout, e.stderr} {
		for i, r := range text {
			bad := r != '\n' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' || r == '\u2028' || r == '\u2029')
			if bad || r == utf8.RuneError {
				t.Errorf("%q prints %U in %q", e.call, r, text[max(0, i-60):min(len(text), i+20)])
				break
			}
		}
	}
}

// Links that somebody makes in a target, before a restore or during it, lead no message out of it.
func TestLinksInATarget(t *testing.T) {
	t.Parallel()
	h, _ := hostile(t)
	for _, kind := range []string{"maildir:", "eml:"} {
		for i, planted := range []string{"cur", "new", "tmp", ".Case", "Case", "INBOX", "subscriptions", "dovecot-keywords", ".Case/cur", ".Case/tmp", "Case/tmp", ".tmp"} {
			outside, target := t.TempDir(), filepath.Join(t.TempDir(), "target")
			at := filepath.Join(target, planted)
			if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, at); err != nil {
				t.Fatal(err)
			}
			e := h.run("restore", "latest", "--to", kind+target)
			if left := dirEntries(t, outside); len(left) > 0 {
				t.Errorf("%d: %s%s with a link %s leaves %q where that leads", i, kind, target, planted, left)
			}
			harmlessOutput(t, e)
		}
		swapped(t, h, kind)
	}
}

// swapped restores while every new directory of the target is replaced by a link, and back.
func swapped(t *testing.T, h *host, kind string) {
	t.Helper()
	outside, target := t.TempDir(), filepath.Join(t.TempDir(), "target")
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		swaps := 0
		for {
			select {
			case <-stop:
				done <- swaps
				return
			default:
			}
			var dirs []string
			_ = filepath.WalkDir(target, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() && path != target {
					dirs = append(dirs, path)
				}
				return nil
			})
			for _, dir := range dirs {
				if os.Rename(dir, dir+"~") != nil {
					continue
				}
				if os.Symlink(outside, dir) == nil {
					swaps++
				}
				time.Sleep(100 * time.Microsecond)
				_ = os.Remove(dir)
				_ = os.Rename(dir+"~", dir)
			}
		}
	}()
	for range 3 {
		h.run("restore", "latest", "--to", kind+target)
	}
	close(stop)
	if n := <-done; n == 0 {
		t.Error("nothing was swapped: this shows nothing")
	}
	if left := dirEntries(t, outside); len(left) > 0 {
		t.Errorf("%s whose directories are swapped with links leaves %q where these lead", kind, left)
	}
}

// A target that is not a directory, or not writable, is named, and stays as it is.
func TestTargetsThatAreNone(t *testing.T) {
	t.Parallel()
	h, _ := hostile(t)
	home := t.TempDir()
	file, socket := filepath.Join(home, "file"), filepath.Join(home, "socket")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, kind := range []string{"maildir:", "eml:"} {
		for _, at := range []string{file, socket, file + "/below", "/proc/mailstrata", "/dev/null"} {
			e := h.run("restore", "latest", "--to", kind+at)
			if e.status != 1 || !strings.Contains(e.stderr, strings.TrimSuffix(at, "/mailstrata")) {
				t.Errorf("%s ends with %d and says %s", e.call, e.status, e.stderr)
			}
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("the file is %q, %v", b, err)
	}
}
