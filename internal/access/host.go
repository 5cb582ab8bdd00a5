package access

import (
	"io"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Flags are the flags of every command that name the repository and its key.
type Flags struct {
	ConfigFile      string `group:"repository" name:"config" placeholder:"FILE" type:"path" var:"MAILSTRATA_CONFIG" help:"Configuration file. Default: config.toml in the directory mailstrata of your configuration directory, or in /etc/mailstrata."`
	Repo            string `group:"repository" placeholder:"PLACE" var:"MAILSTRATA_REPO" help:"Repository: a directory, s3:https://host[:port]/bucket[/prefix], or a name in the configuration. Default: the first one there."`
	KeyFile         string `group:"repository" placeholder:"FILE" type:"path" var:"MAILSTRATA_KEY_FILE" help:"Key file that opens the repository: an age identity, or an SSH key without a passphrase. Flags override variables, and variables override the configuration."`
	PasswordFile    string `group:"repository" placeholder:"FILE" type:"path" help:"File that holds the passphrase. (MAILSTRATA_PASSWORD holds the passphrase itself.)"`
	PasswordCommand string `group:"repository" placeholder:"COMMAND" help:"Command that prints the passphrase."`
	Trust           string `group:"repository" placeholder:"FINGERPRINT" help:"Accept only a repository with this fingerprint, even if this host has seen another one there. Use it on a new host, or once after the fingerprint changed."`
	CacheDir        string `group:"repository" placeholder:"DIR" type:"path" var:"MAILSTRATA_CACHE_DIR" help:"Directory for data that can be fetched again."`
	CAFile          string `group:"repository" name:"ca-file" placeholder:"FILE" type:"path" var:"MAILSTRATA_CA_FILE" help:"Certificates (PEM) to trust besides those of the system, for mail servers and buckets. (Buckets also use AWS_CA_BUNDLE.)"`
	AllowPlaintext  bool   `group:"repository" name:"insecure-plaintext" help:"Allow unencrypted connections to other hosts (imap:// without STARTTLS, s3:http://)."`
}

// Host finds accounts and repositories by the command line, the environment and the configuration of this host.
type Host struct {
	Flags      Flags
	ByVariable map[string]bool // flags that got their value from a variable
	Verbose    bool            // trace the protocol of mail servers
	ScryptWork int             // of new passphrases; 0: the default of age, about a second
	Patience   time.Duration   // with temporary errors of a store; 0: the default of package s3

	Version    string
	Getenv     func(string) string
	Output     *ui.Output
	Secrets    *secret.Reader
	configured *config.Config // once it was read
	logins     imap.Logins    // logins that servers refused
}

func NewHost(output *ui.Output, stderr io.Writer, getenv func(string) string) *Host {
	return &Host{Output: output, Getenv: getenv, Secrets: secret.NewReader(output, stderr, getenv), ByVariable: make(map[string]bool)}
}
