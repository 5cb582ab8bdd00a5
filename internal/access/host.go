package access

import (
	"io"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Flags are the flags of every command that say which repository is meant, and how to open it.
type Flags struct {
	ConfigFile      string `group:"repository" name:"config" placeholder:"FILE" type:"path" var:"MAILSTRATA_CONFIG" help:"The configuration, if it is not config.toml in the directory mailstrata of your configuration directory, or in /etc/mailstrata."`
	Repo            string `group:"repository" placeholder:"PLACE" var:"MAILSTRATA_REPO" help:"The repository: a directory, s3:https://host[:port]/bucket[/prefix], or the name of one in the configuration, where the first is meant if none is named."`
	KeyFile         string `group:"repository" placeholder:"FILE" type:"path" var:"MAILSTRATA_KEY_FILE" help:"A key file (an age identity, or an SSH key without a passphrase) that opens it. Without one, the passphrase does. What flags name counts before variables, and these before the configuration."`
	PasswordFile    string `group:"repository" placeholder:"FILE" type:"path" help:"A file that holds the passphrase. (The variable MAILSTRATA_PASSWORD holds the passphrase itself.)"`
	PasswordCommand string `group:"repository" placeholder:"COMMAND" help:"A command that prints the passphrase."`
	Trust           string `group:"repository" placeholder:"FINGERPRINT" help:"Accept a repository only if this is its fingerprint, and then also where another was seen before: on a new host, or once after its keeper changed."`
	CacheDir        string `group:"repository" placeholder:"DIR" type:"path" var:"MAILSTRATA_CACHE_DIR" help:"Where to keep what can be fetched again."`
	CAFile          string `group:"repository" name:"ca-file" placeholder:"FILE" type:"path" var:"MAILSTRATA_CA_FILE" help:"Certificates (PEM) to trust besides those of the system, for mail servers and buckets. (For buckets, those of AWS_CA_BUNDLE too.)"`
	AllowPlaintext  bool   `group:"repository" name:"insecure-plaintext" help:"Allow connections without encryption (imap:// without STARTTLS, s3:http://) that leave this host."`
}

// Host is where mailstrata runs: its directories, its configuration, and what the command line says of repositories.
type Host struct {
	Flags      Flags
	ByVariable map[string]bool // flags whose value is that of an environment variable
	Verbose    bool            // trace the protocol of mail servers
	ScryptWork int             // of new passphrases; 0: age's own, a second's
	Patience   time.Duration   // with trouble of a store that may pass; 0: the usual

	Version    string
	Getenv     func(string) string
	Output     *ui.Output
	Secrets    *secret.Reader
	configured *config.Config // once it was read
	logins     imap.Logins    // that servers refused
}

func NewHost(output *ui.Output, stderr io.Writer, getenv func(string) string) *Host {
	return &Host{Output: output, Getenv: getenv, Secrets: secret.NewReader(output, stderr, getenv), ByVariable: make(map[string]bool)}
}
