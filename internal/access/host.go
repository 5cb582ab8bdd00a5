package access

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Flags are the flags of every command that name the repository and its key.
type Flags struct {
	ConfigFile      string `group:"repository" name:"config" placeholder:"FILE" type:"path" var:"MAILSTRATA_CONFIG" help:"Configuration file. Default: config.toml in the directory mailstrata of your configuration directory, or in /etc/mailstrata."`
	Repo            string `group:"repository" placeholder:"PLACE" var:"MAILSTRATA_REPO" help:"Repository: a directory, s3:https://host[:port]/bucket[/prefix], sftp:[user@]host:/directory, sftp://[user@]host:port/directory, or a name in the configuration. Default: the first one there."`
	KeyFile         string `group:"repository" placeholder:"FILE" type:"path" var:"MAILSTRATA_KEY_FILE" help:"Key file that opens the repository: an age identity, or an SSH key without a passphrase. Flags override variables, and variables override the configuration."`
	PasswordFile    string `group:"repository" placeholder:"FILE" type:"path" help:"File that holds the passphrase. (MAILSTRATA_PASSWORD holds the passphrase itself.)"`
	PasswordCommand string `group:"repository" placeholder:"COMMAND" help:"Command that prints the passphrase."`
	Trust           string `group:"repository" placeholder:"FINGERPRINT" help:"Accept only a repository with this fingerprint, even if this host has seen another one there. Use it on a new host, or once after the fingerprint changed."`
	CacheDir        string `group:"repository" placeholder:"DIR" type:"path" var:"MAILSTRATA_CACHE_DIR" help:"Directory for data that can be fetched again."`
	CacheSize       string `group:"repository" placeholder:"SIZE" var:"MAILSTRATA_CACHE_SIZE" help:"How much of the packs that were read to keep there, such as 500MB. 0 keeps nothing. Default: 1GiB for a bucket or another host."`
	CAFile          string `group:"repository" name:"ca-file" placeholder:"FILE" type:"path" var:"MAILSTRATA_CA_FILE" help:"Certificates (PEM) to trust besides those of the system, for mail servers and buckets. (Buckets also use AWS_CA_BUNDLE.)"`
	SSHCommand      string `group:"repository" name:"ssh-command" placeholder:"COMMAND" var:"MAILSTRATA_SSH_COMMAND" help:"For sftp: repositories: the program that connects, with options, such as 'ssh -i /etc/mailstrata/ssh-key'. Default: ssh."`
	AllowPlaintext  bool   `group:"repository" name:"insecure-plaintext" help:"Allow unencrypted connections to other hosts (imap:// without STARTTLS, s3:http://)."`
}

// Host finds accounts and repositories by the command line, the environment and the configuration
// of this host.
type Host struct {
	Flags      Flags
	ByVariable map[string]bool // flags that got their value from a variable
	Verbose    bool            // trace the protocol of mail servers
	ScryptWork int             // of new passphrases; 0: the default of age, about a second
	Patience   time.Duration   // with temporary errors of a store; 0: the default of packages s3 and sftp
	ListAhead  bool            // the command lists manifests first, and only reads (repo.Options.ListAhead)
	Spares     int             // connections to make to a bucket beside the first one; 0: the default of package s3

	Version    string
	Getenv     func(string) string
	Output     *ui.Output
	Secrets    *secret.Reader
	configured *config.Config // once it was read
	logins     imap.Logins    // logins that servers refused

	ListUsers  bool  // ask each users_command for its users now, and not only the first time
	usersError error // of the last users_command whose users of before are used

	applicationsMu sync.Mutex
	applications   map[string]*oauth.Application // by the name of their provider
}

// NewHost returns the Host of a run of the program. Output gets notes and warnings, stderr prompts;
// getenv returns variables of the environment.
func NewHost(output *ui.Output, stderr io.Writer, getenv func(string) string) *Host {
	return &Host{
		Output: output, Getenv: getenv, Secrets: secret.NewReader(output, stderr, getenv),
		ByVariable: make(map[string]bool),
	}
}

// The directories of mailstrata on this host follow the XDG Base Directory Specification 0.8.

// dataDir returns the directory of the user's own repository and its key file.
func (h *Host) dataDir() (string, error) {
	return h.ownDir("XDG_DATA_HOME", ".local/share", "Library/Application Support", "LocalAppData")
}

// CacheDir returns the directory for data that can be fetched again.
func (h *Host) CacheDir() (string, error) {
	if h.Flags.CacheDir != "" {
		return h.Flags.CacheDir, nil
	}
	return h.ownDir("XDG_CACHE_HOME", ".cache", "Library/Caches", "LocalAppData")
}

// StateDir returns the directory for data that cannot be fetched again, but is not essential: which
// repositories this host has seen, what a restore appended.
func (h *Host) StateDir() (string, error) {
	return h.ownDir("XDG_STATE_HOME", ".local/state", "Library/Application Support", "LocalAppData")
}

// Home returns the home directory of the user, or "".
func (h *Host) Home() string { return cmp.Or(h.Getenv("HOME"), h.Getenv("USERPROFILE")) }

// Expand expands a path that begins with "~", as shells do. Shells do not expand it after "=" and
// ":". A directory called "~" is dangerous: people remove it, and the home directory with it.
func (h *Host) Expand(path string) (string, error) {
	rest, tilde := strings.CutPrefix(path, "~")
	switch {
	case !tilde:
		return path, nil
	case rest != "" && !os.IsPathSeparator(rest[0]):
		return "", &hint.Usage{
			Text: fmt.Sprintf("%s is in another user's home directory, which only a shell can expand", ui.Quote(path)),
			Hint: "use an absolute path, or ./" + ui.Safe(path) + " for a directory of that name here",
		}
	case h.Home() == "":
		return "", fmt.Errorf("%s: HOME is not set: use an absolute path", ui.Quote(path))
	}
	return filepath.Join(h.Home(), rest), nil
}

// ownDir returns the directory "mailstrata" in the directory of the variable, or else in the usual
// one below the home directory.
func (h *Host) ownDir(variable, unix, mac, windows string) (string, error) {
	if dir := h.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "mailstrata"), nil
	}
	home := h.Home()
	switch {
	case runtime.GOOS == "windows" && h.Getenv(windows) != "":
		return filepath.Join(h.Getenv(windows), "mailstrata"), nil
	case home == "":
		return "", errors.New("HOME is not set: use --repo and --cache-dir, and set XDG_STATE_HOME")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, mac, "mailstrata"), nil
	}
	return filepath.Join(home, unix, "mailstrata"), nil
}

// systemConfig is the configuration of services. A user's configuration comes first.
const systemConfig = "/etc/mailstrata/config.toml"

// ConfigPaths returns the paths of the configuration. Only the first file that exists is used.
func (h *Host) ConfigPaths() []string {
	places := []string{systemConfig}
	if dir, err := h.ownDir("XDG_CONFIG_HOME", ".config", "Library/Application Support", "AppData"); err == nil {
		places = slices.Insert(places, 0, filepath.Join(dir, "config.toml"))
	}
	return places
}

// ConfigFile returns the path of the configuration, or "". A file that a flag names must exist. A
// system configuration that this user may not read is ignored.
func (h *Host) ConfigFile() (string, error) {
	if h.Flags.ConfigFile != "" {
		_, err := os.Stat(h.Flags.ConfigFile)
		if errors.Is(err, fs.ErrNotExist) {
			err = &hint.Usage{
				Text: "no such configuration: " + ui.Safe(h.Flags.ConfigFile),
				Hint: "check --config (MAILSTRATA_CONFIG)",
			}
		}
		return h.Flags.ConfigFile, err
	}
	for _, path := range h.ConfigPaths() {
		f, err := os.Open(path)
		switch {
		case err == nil:
			return path, f.Close()
		case errors.Is(err, fs.ErrNotExist), path == systemConfig && errors.Is(err, fs.ErrPermission):
			continue
		}
		return "", err
	}
	return "", nil
}

// Config returns the configuration. Without a file, it is empty.
func (h *Host) Config() (*config.Config, error) {
	if h.configured != nil {
		return h.configured, nil
	}
	file, err := h.ConfigFile()
	if err != nil {
		return nil, err
	}
	c := &config.Config{}
	if file != "" {
		if c, err = config.Load(file, h.Home(), h.Users); err != nil {
			return nil, h.ReportProblems(err)
		}
	}
	h.configured = c
	return c, nil
}

// Names returns the names of the accounts and repositories of the configuration.
func (h *Host) Names() []string {
	c, err := h.Config()
	if err != nil {
		return nil
	}
	return c.Names()
}

// ReportProblems writes all problems of the configuration to standard error, and returns an error
// with their number.
func (h *Host) ReportProblems(err error) error {
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		return err
	}
	for _, problem := range problems {
		line := ui.OneLine(problem.Error())
		if meant := Meant(problem); meant != "" {
			line += "; did you mean " + ui.Safe(meant) + "?"
		}
		h.Output.Say(line)
	}
	return &hint.Usage{Text: ui.Plural(len(problems), "problem") + " in " + ui.Safe(problems[0].File),
		Hint: "docs/config.md explains every key; --config /dev/null ignores the configuration"}
}

// Meant returns the name that the user probably meant, or "".
func Meant(problem config.Problem) string {
	wrote := problem.Key
	if _, value, quoted := strings.Cut(problem.Text, `"`); quoted {
		wrote, _, _ = strings.Cut(value, `"`)
	}
	return ui.Nearest(wrote, problem.Known)
}
