package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/manifest/history"
)

// Config is a configuration. Its paths are absolute, or relative to the working directory, like the
// path of the file.
type Config struct {
	File         string       // its path
	Repositories []Repository // with those that templates make
	PerUser      bool         // the first of the file is a template: no repository is the default
	Providers    []Provider
	Accounts     []Account // with those that templates make
	Retention    history.Policy
	Run          Run
	Watch        map[string]Watch // by command
	Parallel     int              // accounts read at once; 0: not set
	Ended        []string         // accounts of the archive that are no longer backed up
	CacheSize    int64            // bytes of packs that a host keeps of each bucket; 0: not set, -1: none
}

// Repository is a repository, and how to open it.
type Repository struct {
	Name           string // "": the only one need not have any
	Place          string // as --repo takes it
	KeyFile        string
	Secret         Secret // the passphrase
	Trust          string // its fingerprint
	CAFile         string // certificates to trust besides those of the system
	AllowPlaintext bool
	Index          bool   // backup brings this host's index of words up to date
	SSHCommand     string // what connects to a directory of another host

	CredentialsFile string // of a bucket, in the form of ~/.aws/credentials; "": where AWS's own tools find them

	KeeperKeyFile     string // an owner's key with which mailstrata run forgets and prunes; "": the key of backups
	AllowKeeperBeside bool   // although a thief of this host can then delete the archive
	CopyTo            string // the name of the repository to which mailstrata run copies it; "": none

	Template string // the name of the template that it is made from, for one user; "": none
}

// Account is a mail account. Zero values are not set.
type Account struct {
	Table      int    // which [[accounts]] of the file, from 0; -1: a template
	Name       string // "": user@host
	URL        string
	Repository string // the name of one; "": the first
	Secret     Secret // the password
	Token      string // a command that prints an OAuth access token
	Provider   string // the name of the provider that gives tokens; "": none

	Sieve       string // the URL of its scripts, sieve://user@host; "": none
	CalDAV      string // the URL of its calendars; "": none
	CardDAV     string // the URL of its address books; "": none
	SieveSecret Secret // the password there, if it is another
	DAVSecret   Secret // likewise of calendars and address books

	Mailboxes, Exclude []string // patterns
	Namespaces         []string // "other", "shared", or prefixes, besides the user's own
	Virtual            bool     // include virtual mailboxes
	Gmail              string   // "all-mail" or "labels"
	ShrinkLimits       []loss.Rule
	VerifySource       percent.Rate

	Connections    int
	Compress       bool
	CAFile         string
	AllowPlaintext bool
	OldTLS         bool // accept TLS 1.0 and 1.1
	Budget         backup.Budget
	TimeLimit      time.Duration
}

// Secret says where a secret comes from. At most one field is set.
type Secret struct {
	File       string
	Command    string
	Variable   string // of the environment
	Credential string // of the systemd unit: a file in $CREDENTIALS_DIRECTORY
	Keyring    string // the name of an entry of this user's keyring
}

// IsZero reports whether no source is set.
func (s Secret) IsZero() bool { return s == Secret{} }

// String returns where the secret comes from.
func (s Secret) String() string {
	switch {
	case s.File != "":
		return "file " + s.File
	case s.Command != "":
		return "command"
	case s.Variable != "":
		return "variable " + s.Variable
	case s.Credential != "":
		return "credential " + s.Credential
	case s.Keyring != "":
		return "keyring " + s.Keyring
	}
	return ""
}

// maxFile is the maximum size of a file. Ten thousand accounts need only a template.
const maxFile = 16 << 20

// Load reads the file at a path. home replaces "~", unless it is "". users lists the users of a
// users_command; without it, such templates make no accounts. Errors in the file are [Problems].
func Load(path, home string, users Users) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("the configuration %s has more than %d bytes", path, maxFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, home, text, users)
}

// Repository returns the repository with a name, or nil. "" is the first one.
func (c *Config) Repository(name string) *Repository {
	return find(c.Repositories, func(r *Repository) bool { return name == "" || r.Name == name })
}

// Account returns the account with a name, or nil.
func (c *Config) Account(name string) *Account {
	return find(c.Accounts, func(a *Account) bool { return a.Name == name })
}

// Provider returns the provider with a name, or nil.
func (c *Config) Provider(name string) *Provider {
	return find(c.Providers, func(p *Provider) bool { return p.Name == name })
}

func find[T any](all []T, fits func(*T) bool) *T {
	for i := range all {
		if fits(&all[i]) {
			return &all[i]
		}
	}
	return nil
}

// names returns the names of the repositories.
func (c *Config) names() (names []string) {
	for i := range c.Repositories {
		names = append(names, c.Repositories[i].Name)
	}
	return names
}

// Names returns the names of the accounts and the repositories.
func (c *Config) Names() (names []string) {
	for i := range c.Accounts {
		names = append(names, c.Accounts[i].Name)
	}
	for _, name := range c.names() {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// SecretFiles returns the files with secrets, each once.
func (c *Config) SecretFiles() []string {
	var paths []string
	for i := range c.Repositories {
		paths = append(paths, c.Repositories[i].KeyFile, c.Repositories[i].Secret.File, c.Repositories[i].KeeperKeyFile,
			c.Repositories[i].CredentialsFile)
	}
	for i := range c.Accounts {
		a := &c.Accounts[i]
		paths = append(paths, a.Secret.File, a.SieveSecret.File, a.DAVSecret.File)
	}
	for i := range c.Providers {
		paths = append(paths, c.Providers[i].Secret.File, c.Providers[i].ServiceAccount)
	}
	for _, w := range c.Watch {
		paths = append(paths, w.Ping.File)
	}
	seen := map[string]bool{"": true}
	return slices.DeleteFunc(paths, func(path string) bool {
		again := seen[path]
		seen[path] = true
		return again
	})
}

// Exposed returns the files with secrets that all users of this host can read.
func (c *Config) Exposed() []string {
	return slices.DeleteFunc(c.SecretFiles(), func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o004 == 0
	})
}

// Problem is one error in a file.
type Problem struct {
	File   string
	Line   int      // 0: the file as a whole
	Column int      // in the line, in bytes, from 1; 0: none in particular
	Key    string   // "": none in particular
	Text   string   // what is wrong
	Known  []string // what an unknown name could mean
}

func (p Problem) Error() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, p.Line)
	}
	if p.Column > 0 {
		where = fmt.Sprintf("%s:%d", where, p.Column)
	}
	if p.Key != "" {
		where += ": " + p.Key
	}
	return where + ": " + p.Text
}

// Problems are all errors in a file.
type Problems []Problem

func (p Problems) Error() string {
	errs := make([]error, len(p))
	for i := range p {
		errs[i] = p[i]
	}
	return errors.Join(errs...).Error()
}
