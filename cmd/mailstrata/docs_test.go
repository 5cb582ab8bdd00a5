package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// notRun maps lines that no test can run, which the documents show with the prompt "#", to the
// reason. If such a line runs mailstrata, its command line must be valid.
var notRun = map[string]string{
	"rclone copy store:mail/laptop /tmp/copy":                                                          "needs a cloud, and rclone",
	"python3 contrib/restore.py --key mailstrata.key /tmp/copy /tmp/out":                               "needs age 1.3; the tests of package archive run it",
	"go run ./cmd/mailstrata demo    # backs up, checks and restores sample mail, offline, in seconds": "TestScripts/demo runs it",
	"make test                       # runs all tests; installs the servers they need (Debian, root)":  "this is it",
	"go install ./cmd/mailstrata     # into the directory bin below `go env GOPATH`":                   "the tests have a mailstrata of their own",
	"mailstrata init --repo s3:https://s3.example/locked --new-key-file ~/locked.key --lock 30d":       "needs a bucket with Object Lock; testdata/bucket has one",
	"doveadm mailbox status -u anna messages":                                                          "needs a Dovecot of one's own",
	"mailstrata setup":                   "asks questions; testdata/dialogs answers them",
	"editor /etc/mailstrata/environment": "waits for somebody",
	"systemctl daemon-reload && systemctl enable --now mailstrata.timer":                                            "needs systemd; TestUnits verifies the units",
	"systemd-creds encrypt --name=imap-password /etc/mailstrata/imap-password /etc/mailstrata/imap-password.sealed": "needs systemd",
	"systemctl --user enable --now mailstrata-serve":                                                                "needs systemd; TestUnits verifies the unit",
	"install -D -m 644 -t ~/.config/systemd/user contrib/systemd/user/mailstrata-serve.service":                     "TestUnits reads the file",
	"(umask 077; head -c 15 /dev/urandom | base64 >~/.config/mailstrata/serve-password)":                            "needs a configuration of the user",
	"docker run --network host -v state:/state -v cache:/cache -v /etc/mailstrata:/secrets:ro -e MAILSTRATA_REPO=s3:https://s3.example/mail -e MAILSTRATA_KEY_FILE=/secrets/key -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY mailstrata serve --serve-password-file /secrets/serve-password": "needs docker",
	"systemctl --user enable --now mailstrata.timer":         "needs systemd",
	"systemctl start mailstrata && journalctl -u mailstrata": "needs systemd",
	"systemd-run --pty --wait -p DynamicUser=yes -p User=mailstrata -p StateDirectory=mailstrata -E XDG_STATE_HOME=/var/lib -E HOME=/ " +
		"/usr/local/bin/mailstrata auth anna@contoso.example --provider microsoft --client-id ID": "needs systemd, and Microsoft",
	"mailstrata auth anna@gmail.com --client-id ID --client-secret-file client-secret":                  "needs Google",
	"mailstrata auth anna@gmail.com --client-id ID --client-secret-file client-secret --port 8765":      "needs Google",
	"mailstrata auth anna@contoso.example --provider microsoft --client-id ID --tenant contoso.example": "needs Microsoft",
	"New-ServicePrincipal -AppId ID -ObjectId OBJECT-ID -DisplayName mailstrata":                        "needs Microsoft",
	"Add-MailboxPermission -Identity anna@contoso.example -User OBJECT-ID -AccessRights FullAccess":     "needs Microsoft",
	"ssh -L 8765:127.0.0.1:8765 nas": "needs another host",
	"ssh -p 2222 anna@nas":           "needs another host",
	"mailstrata init --repo sftp://anna@nas:2222/srv/mail --new-key-file mailstrata.key": "needs another host; package internal/e2e has one",
	"mailstrata browse":              "needs somebody at a terminal; TestBrowse is one",
	"mailstrata browse friday INBOX": "needs somebody at a terminal; TestBrowse is one",
	"mailstrata serve":               "runs until it is stopped; package internal/e2e serves",
	"mailstrata serve --imap 192.0.2.7:993 --tls-cert cert.pem --tls-key key.pem": "needs a certificate",
	"readpst -r -e -o letters archive.pst":                                        "needs a .pst file",
	"mailstrata backup --from eml:letters --name outlook":                         "needs what readpst writes; package emlsource tests it",
	"mailstrata erase --message anna@mail.example@latest INBOX 1":                 "waits for somebody to confirm it",
	"mailstrata repair hidden --dry-run":                                          "needs a bucket with Object Lock; TestEmptiedBucket has one",
	"mailstrata repair hidden":                                                    "needs a bucket with Object Lock; TestEmptiedBucket has one",
	"mailstrata items":                                                            "needs a calendar server; package internal/e2e has one",
	"mailstrata items latest Work":                                                "needs a calendar server; package internal/e2e has one",
	"mailstrata items 2026-03-13 --name 'board meeting'":                          "needs a calendar server; package internal/e2e has one",
	"mailstrata items 2026-03-13 --missing-from latest":                           "needs a calendar server; package internal/e2e has one",
	"mailstrata items 2026-03-13 Work --missing-from latest --to anna --dry-run":  "needs a calendar server; package internal/e2e has one",
	"mailstrata items 2026-03-13 Work --missing-from latest --to anna":            "needs a calendar server; package internal/e2e has one",
	"mailstrata find --items --all 'board meeting'":                               "needs a calendar server; package internal/e2e has one",
	"mailstrata find --items --all --since 2026-03-01 --before 2026-04-01 board":  "needs a calendar server; package internal/e2e has one",
	"mailstrata items 2026-03-13 Work --to anna --prune":                          "needs a calendar server; package internal/e2e has one",
	"mailstrata items latest --to https://anna@new.example/":                      "needs a calendar server; package internal/e2e has one",
	"mailstrata items latest --to files:/tmp/anna":                                "needs a calendar server; package internal/e2e has one",

	"mailstrata backup --from jmap:https://anna@mail.example":                                 "needs a JMAP server; package jmaprestore tests it",
	"mailstrata restore anna@mail.example@latest --to jmap:https://anna@new.example":          "needs a JMAP server; package jmaprestore tests it",
	"mailstrata backup --from 'jmap:https://anna@mail.example#Sales'":                         "needs a JMAP server; package jmaprestore tests it",
	"mailstrata restore Sales@mail.example@latest --to 'jmap:https://anna@new.example#Sales'": "needs a JMAP server; package jmaprestore tests it",
}

// documents are the documents whose lines run.
func documents(t *testing.T) []string {
	guides, err := filepath.Glob("../../docs/guides/*.md")
	if err != nil || len(guides) == 0 {
		t.Fatalf("there are no guides: %v", err)
	}
	return append(guides, "../../README.md", "../../docs/config.md", "../../docs/nightly.md", "../../docs/oauth.md")
}

// TestDocs runs the lines that the documents show after "$", in order: in one shell and one home
// directory for each document, with mail servers in this process. A scene comes before a line that
// ends with another status than 0. Scenes are comments of Markdown, which readers do not see:
//
//	<!-- scene: serve mail.example anna -->      a server, and an account with the sample mail
//	<!-- scene: serve new.example anna empty --> one without mail
//	<!-- scene: lose mail.example anna Projects/Bridge -->
//	<!-- scene: night 2026-03-13 -->             sets the date from here on
//	<!-- scene: id ce0a40b4 latest -->           what the document calls the newest manifest
//	<!-- scene: file ~/config.toml -->           the fenced block that follows is this file
//	<!-- scene: run COMMAND -->                  runs a command that the document does not show
//	<!-- scene: key 3f9a01c2 nas -->             what the document calls the key with that label
//	<!-- scene: status 1 -->                     the status of the next line
//	<!-- scene: damage -->                       a pack of the repository ~/mail is damaged
//	<!-- scene: clone -->                        the home directory is a clone of this repository
//	<!-- scene: provider id.example anna -->     issues tokens of an account; "revoke id.example" revokes the consent
//	<!-- scene: monitor hc.example -->           waits for pings; "pinged hc.example 2" requires so many
func TestDocs(t *testing.T) {
	for _, path := range documents(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".md"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d := newDocument(t)
			ran := 0
			for i, step := range stepsOf(string(text)) {
				switch step.kind {
				case "scene":
					d.scene(t, strings.Fields(step.text))
				case "file":
					d.write(t, step.text, step.file)
				case "#":
					if notRun[step.text] == "" {
						t.Errorf("%s: nothing runs %q, and nothing says why", path, step.text)
					}
					makesSense(t, step.text)
				case "$":
					ran++
					if !d.run(t, step.text) {
						t.Fatalf("%s: this is step %d", path, i+1)
					}
				}
			}
			if ran == 0 {
				t.Logf("%s shows no commands", path)
			}
			checkLinks(t, path, string(text))
		})
	}
}

// docStep is a line that runs, a line that does not, or a scene.
type docStep struct{ kind, text, file string }

// stepsOf returns the steps of a document, outside of fenced blocks, which are files.
func stepsOf(text string) []docStep {
	var steps []docStep
	lines := strings.Split(text, "\n")
	fenced := false
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		} else if last := len(steps) - 1; fenced && last >= 0 && steps[last].kind == "file" {
			steps[last].file += line + "\n"
		}
		if scene, ok := strings.CutPrefix(line, "<!-- scene: "); ok {
			scene = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(scene), "-->"))
			kind := "scene"
			if name, ok := strings.CutPrefix(scene, "file "); ok {
				kind, scene = "file", name
			}
			steps = append(steps, docStep{kind: kind, text: scene})
			continue
		}
		shown := strings.TrimLeft(line, " ")
		indented := len(line)-len(shown) >= 4
		if fenced || !indented || !strings.HasPrefix(shown, "$ ") && !strings.HasPrefix(shown, "# ") {
			continue
		}
		for strings.HasSuffix(shown, `\`) && i+1 < len(lines) {
			i++
			shown = strings.TrimSuffix(shown, `\`) + strings.TrimSpace(lines[i])
		}
		steps = append(steps, docStep{kind: shown[:1], text: shown[2:]})
	}
	return steps
}

// testedDocument holds the servers, the directories and the names that the lines of a document use.
type testedDocument struct {
	dir     string
	servers map[string]*demo.Server // by host
	status  int                     // of the next line
	words   map[string]string       // what the document calls things, and what they are here

	providers map[string]*tokenProvider // by host, too
	monitors  map[string]*pingMonitor
}

func newDocument(t *testing.T) *testedDocument {
	d := &testedDocument{
		dir: t.TempDir(), servers: make(map[string]*demo.Server), words: make(map[string]string),
		providers: make(map[string]*tokenProvider), monitors: make(map[string]*pingMonitor),
	}
	for _, dir := range []string{"home", "tmp", "etc/mailstrata", "etc/systemd/system", "etc/cron.d", "var/lib/node_exporter", "srv", "state"} {
		if err := os.MkdirAll(filepath.Join(d.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d *testedDocument) scene(t *testing.T, words []string) {
	t.Helper()
	var err error
	switch words[0] {
	case "serve":
		err = d.serve(t, words[1], words[2], len(words) > 3)
	case "lose":
		err = d.servers[words[1]].Account(words[2]).Lose(words[3])
	case "night":
		now := time.Now().Truncate(time.Second).Add(time.Second) // the times of manifests differ by a second
		time.Sleep(time.Until(now))
		d.words[words[1]] = now.UTC().Add(-time.Second).Format("2006-01-02T15:04:05")
	case "key":
		var text []byte
		if text, err = d.command(`mailstrata key list --json | sed -n '/"label":"` + words[2] + `"/s/.*"id":"\([0-9a-f]*\)".*/\1/p'`).Output(); err == nil {
			d.words[words[1]] = strings.TrimSpace(string(text))
		}
	case "id":
		var text []byte
		if text, err = d.command("mailstrata show --json " + words[2] + ` | sed 's/.*"manifest":{"id":"\([0-9a-f]\{8\}\).*/\1/'`).Output(); err == nil {
			d.words[words[1]], d.words[words[1][:4]] = strings.TrimSpace(string(text)), strings.TrimSpace(string(text))
		}
	case "run":
		var text []byte
		command := d.command(strings.Join(words[1:], " "))
		if text, err = command.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, text)
		}
		if command.ProcessState != nil && command.ProcessState.ExitCode() == d.status {
			err, d.status = nil, 0
		}
	case "status":
		d.status, err = strconv.Atoi(words[1])
	case "damage":
		err = d.command(`f=$(find ~/mail/data -type f -printf '%s %p\n' | sort -rn | head -n 1 | cut -d ' ' -f 2-); chmod u+w "$f"; ` +
			`printf xxxxxxxx | dd of="$f" bs=1 seek=5000 conv=notrunc 2>/dev/null`).Run()
	case "clone":
		var root string
		if root, err = filepath.Abs("../.."); err == nil {
			err = os.Symlink(filepath.Join(root, "contrib"), filepath.Join(d.dir, "home", "contrib"))
		}
	case "provider":
		d.providers[words[1]] = startProvider(words[2])
		t.Cleanup(d.providers[words[1]].Close)
	case "revoke":
		d.providers[words[1]].revoked.Store(true)
	case "monitor":
		d.monitors[words[1]] = startMonitor(http.StatusOK)
		t.Cleanup(d.monitors[words[1]].Close)
	case "pinged":
		if got := fmt.Sprint(strings.Count(d.monitors[words[1]].got.String(), "POST ")); got != words[2] {
			err = fmt.Errorf("there were %s pings", got)
		}
	default:
		err = errors.New("there is no such scene")
	}
	if err != nil {
		t.Fatalf("scene %v: %v", words, err)
	}
}

// write writes a file that the document shows.
func (d *testedDocument) write(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(d.dir, "home", strings.TrimPrefix(name, "~/"))
	err := os.MkdirAll(filepath.Dir(name), 0o700)
	if err == nil {
		err = os.WriteFile(name, []byte(d.here(text)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (d *testedDocument) serve(t *testing.T, host, user string, empty bool) error {
	server := d.servers[host]
	if server == nil {
		var err error
		if server, err = demo.Start(demo.Options{}); err != nil {
			return err
		}
		t.Cleanup(func() { server.Close() })
		d.servers[host] = server
	}
	login, err := url.PathUnescape(user)
	if err != nil {
		return err
	}
	account, err := server.AddAccount(login, "secret-of-"+user)
	if err == nil && !empty {
		err = demo.Fill(account)
	}
	for _, file := range []string{"etc/mailstrata/" + user, "home/" + user + ".password"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(d.dir, file), []byte("secret-of-"+user), 0o600))
	}
	return err
}

// here replaces the names of the document in a line by those of this test.
func (d *testedDocument) here(line string) string {
	for host, server := range d.servers {
		plain := regexp.MustCompile(`imaps?://([\w.%-]+)@` + regexp.QuoteMeta(host) + `\b`)
		line = plain.ReplaceAllString(line, "imap://${1}@"+server.Address())
		line = strings.ReplaceAll(line, "@"+host, "@127.0.0.1")
	}
	for host, provider := range d.providers {
		line = strings.ReplaceAll(line, "https://"+host, provider.URL)
	}
	for host, monitor := range d.monitors {
		line = strings.ReplaceAll(line, "https://"+host, monitor.URL)
	}
	for word, meaning := range d.words {
		line = regexp.MustCompile(`\b`+regexp.QuoteMeta(word)+`\b`).ReplaceAllString(line, meaning)
	}
	line = strings.ReplaceAll(line, "s3:https://s3.example/", d.dir+"/srv/")
	return regexp.MustCompile(`(^|[\s:=,'">])(/(?:tmp|etc/(?:mailstrata|systemd|cron\.d)|var/lib/node_exporter|srv)\b)`).ReplaceAllString(line, "${1}"+d.dir+"${2}")
}

// command returns the command for a line in the shell of the document, which keeps its variables
// and its directory in a file.
func (d *testedDocument) command(line string) *exec.Cmd {
	state := filepath.Join(d.dir, "state", "shell")
	script := fmt.Sprintf("[ -e %[1]s ] && . %[1]s\n%[2]s\nstatus=$?\n{ export -p; printf 'cd %%q\\n' \"$PWD\"; } >%[1]s\nexit $status\n", state, d.here(line))
	command := exec.Command("bash", "-c", script)
	command.Dir = filepath.Join(d.dir, "home")
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + command.Dir, "TZ=UTC", "TMPDIR=" + filepath.Join(d.dir, "tmp"), "GORACE=" + os.Getenv("GORACE"),
		"MAILSTRATA_PASSWORD=a passphrase for the guides", "MAILSTRATA_IMAP_PASSWORD=secret-of-anna", "MAILSTRATA_NEW_PASSWORD=another passphrase", "MAILSTRATA_TO_PASSWORD=a passphrase for the guides",
	}
	return command
}

// makesSense requires that mailstrata parses a line that cannot run, if the line calls mailstrata.
func makesSense(t *testing.T, line string) {
	t.Helper()
	rest, ours := strings.CutPrefix(line, "mailstrata ")
	if !ours {
		return
	}
	words, err := exec.Command("bash", "-c", "printf '%s\\0' "+rest).Output()
	if err != nil {
		t.Fatal(err)
	}
	parses(t, strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00"))
}

func (d *testedDocument) run(t *testing.T, line string) bool {
	t.Helper()
	if program, _, _ := strings.Cut(line, " "); program == "ssh-keygen" {
		need.Program(t, program, "apt-get install openssh-client")
	}
	text, err := d.command(line).CombinedOutput()
	status := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if status != d.status {
		t.Errorf("$ %s\nends with status %d, and should with %d:\n%s", line, status, d.status, text)
		return false
	}
	if testing.Verbose() {
		t.Logf("$ %s\n%s", line, text)
	}
	d.status = 0
	return true
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// checkLinks requires that the files exist to which a document links.
func checkLinks(t *testing.T, path, text string) {
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[1])); err != nil {
			t.Errorf("%s: a link leads nowhere: %v", path, err)
		}
	}
}

// Each line with a reason not to run is in a document.
func TestNotRun(t *testing.T) {
	var shown []string
	for _, path := range documents(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range stepsOf(string(text)) {
			if step.kind == "#" {
				shown = append(shown, step.text)
			}
		}
	}
	for line := range notRun {
		if !slices.Contains(shown, line) {
			t.Errorf("no document shows %q", line)
		}
	}
}

// shellsPart matches the part of a line that is for the shell.
var shellsPart = regexp.MustCompile(` +(\||>|<|#|&&) .*| +>.*`)

// mailstrata parses each example in the help of each command.
func TestExamplesOfHelp(t *testing.T) {
	var grammar commandLine
	helped := false
	p := cli.New(cli.Process{Getenv: func(string) string { return "" }}, func(error) {})
	parser, err := parserOf(t.Context(), p, &grammar, &helped)
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	joined := strings.NewReplacer("\\\n        ", "", "|\n        ", "| ") // lines that go on in the next one
	for _, node := range append(parser.Model.Leaves(false), parser.Model.Node) {
		for line := range strings.Lines(joined.Replace(node.Help + "\n" + node.Detail)) {
			if example, ok := strings.CutPrefix(line, "    mailstrata "); ok {
				shown++
				makesSense(t, "mailstrata "+shellsPart.ReplaceAllString(strings.TrimSpace(example), ""))
			}
		}
	}
	if shown < 50 {
		t.Errorf("only %d examples were found", shown)
	}
}
