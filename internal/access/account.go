package access

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/jmap"
)

// AccountFlags are the flags that say how to connect to an IMAP account and log in.
type AccountFlags struct {
	PasswordFile    string      `group:"account" name:"imap-password-file" placeholder:"FILE" type:"path" help:"File that holds the account's password. (MAILSTRATA_IMAP_PASSWORD holds the password itself.)"`
	PasswordCommand string      `group:"account" name:"imap-password-command" placeholder:"COMMAND" help:"Command that prints the password. It gets MAILSTRATA_ACCOUNT and MAILSTRATA_IMAP_USER."`
	TokenCommand    string      `group:"account" name:"imap-token-command" placeholder:"COMMAND" help:"Command that prints an OAuth access token, for OAUTHBEARER or XOAUTH2. (MAILSTRATA_IMAP_TOKEN holds the token itself.)"`
	Connections     Connections `group:"account" placeholder:"N" help:"Maximum number of connections (4). mailstrata opens fewer if the server wants fewer."`
	OldTLS          bool        `group:"account" name:"insecure-old-tls" help:"Allow TLS 1.0 and 1.1, and ciphers without forward secrecy, if the server has nothing better. Others on the network may be able to read the password."`
	Compress        bool        `group:"account" help:"Compress the connection if the server can. It helps below about 100 Mbit/s."`
}

// Validate implements kong's Validatable.
func (f *AccountFlags) Validate() error {
	given := 0
	for _, flag := range []string{f.PasswordFile, f.PasswordCommand, f.TokenCommand} {
		if flag != "" {
			given++
		}
	}
	if given > 1 {
		return fmt.Errorf("--imap-password-file, --imap-password-command and --imap-token-command exclude each other")
	}
	return nil
}

// Connections is the maximum number of connections; 0 if not given.
type Connections int

// UnmarshalText reads a number from 1 to 100.
func (c *Connections) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil || n < 1 || n > 100 {
		return errors.New("it must be from 1 to 100")
	}
	*c = Connections(n)
	return nil
}

// Account is an account to read, or an IMAP account to restore to.
type Account struct {
	Name    string // its name, by default user@host
	URL     string // without secrets
	Options imap.Options
	Files   config.Files // if it is files and not on a server; then Options are not used
	JMAP    jmap.URL     // if it speaks JMAP; then Options have the user, the host and the secret

	Configured config.Account // its table in the configuration, or zero
}

// ParseAccount parses the URL of an account. Its errors do not repeat the URL, which may hold a
// secret.
func ParseAccount(text string) (*Account, error) {
	if files, ok := config.ParseFiles(text); ok {
		return filesAccount(files)
	}
	if jmap.IsURL(text) {
		return jmapAccount(text)
	}
	opts, err := imap.ParseURL(text)
	if err == nil {
		return &Account{Name: opts.String(), URL: text, Options: opts}, nil
	}
	wrong := &hint.Usage{Text: err.Error()}
	switch {
	case errors.Is(err, imap.ErrURLPassword):
		wrong.Hint = passwordPlaces
	case isAddress(text):
		wrong.Hint = "did you mean imaps://" + ui.Safe(text) + "?"
		if provider := DomainProvider(text); provider != "" {
			wrong.Hint = "did you mean " + ui.Safe(AccountURL(text, ProviderHosts[provider])) + "?"
		}
	}
	return nil, wrong
}

// isAddress reports whether a text is a user at a host, perhaps with a port, and cannot have a
// password.
func isAddress(text string) bool {
	user, host, found := strings.Cut(text, "@")
	return found && !strings.ContainsAny(user, ":/") && !strings.ContainsAny(host, "@/")
}

// filesAccount returns an account that is files.
func filesAccount(files config.Files) (*Account, error) {
	if files.Path == "" {
		return nil, hint.Usagef("%s: the path is missing", files.Kind)
	}
	path, err := filepath.Abs(files.Path)
	if err != nil {
		return nil, err
	}
	files.Path = path
	return &Account{Name: files.String(), URL: files.String(), Files: files}, nil
}

// jmapAccount returns an account that speaks JMAP.
func jmapAccount(text string) (*Account, error) {
	u, err := jmap.ParseURL(text)
	if err != nil {
		wrong := &hint.Usage{Text: err.Error()}
		if errors.Is(err, jmap.ErrURLPassword) {
			wrong.Hint = passwordPlaces
		}
		return nil, wrong
	}
	return &Account{Name: u.Name(), URL: u.String(), JMAP: u, Options: imap.Options{User: u.User, Host: u.Host()}}, nil
}

// passwordPlaces says where a password comes from.
const passwordPlaces = "a password comes from MAILSTRATA_IMAP_PASSWORD, --imap-password-file or --imap-password-command, " +
	"not from the command line"

// JMAPOptions returns the options of an account that speaks JMAP, with its secret after
// UnlockAccount.
func (a *Account) JMAPOptions() jmap.Options {
	o := &a.Options
	return jmap.Options{
		URL: a.JMAP, Password: o.Password, Token: o.Token, RootCAs: o.RootCAs, Insecure: o.Insecure,
		Connections: o.Connections, Version: o.Version, Trace: o.Trace, Silent: o.Silent,
	}
}

// ConfiguredAccount returns the account of the configuration with this name, or nil.
func (h *Host) ConfiguredAccount(name string) (*Account, error) {
	c, err := h.Config()
	if err != nil {
		return nil, err
	}
	if a := c.Account(name); a != nil {
		return AccountOf(a)
	}
	return nil, nil
}

// AccountAt returns the account of a URL. If the configuration has an account with the same server,
// user and security, it returns that one, with its secret and its certificates.
func (h *Host) AccountAt(url string) (*Account, error) {
	a, err := ParseAccount(url)
	if err != nil {
		return nil, err
	}
	c, err := h.Config()
	if err != nil {
		return nil, err
	}
	for i := range c.Accounts {
		other, err := AccountOf(&c.Accounts[i])
		if err == nil && other.Files.IsZero() && other.JMAP == a.JMAP && other.Options.User == a.Options.User &&
			other.Options.Address() == a.Options.Address() && other.Options.Security == a.Options.Security {
			return other, nil
		}
	}
	return a, nil
}

// AccountOf returns an account of the configuration.
func AccountOf(configured *config.Account) (*Account, error) {
	a, err := ParseAccount(configured.URL)
	if err != nil {
		return nil, err
	}
	a.Name, a.Configured = configured.Name, *configured
	return a, nil
}

// ConfigureAccount sets the options of the account from the flags, or else from the configuration,
// except its secret.
func (h *Host) ConfigureAccount(a *Account, flags *AccountFlags) error {
	a.Options.Connections = cmp.Or(int(flags.Connections), a.Configured.Connections)
	a.Options.Compress = flags.Compress || a.Configured.Compress
	a.Options.Logins = &h.logins
	a.Options.OldTLS = flags.OldTLS || a.Configured.OldTLS
	a.Options.Insecure = h.Flags.AllowPlaintext || a.Configured.AllowPlaintext
	if a.Options.Insecure && a.Options.Security == imap.StartTLS {
		a.Options.Security = imap.Plain
	}
	a.Options.Version = h.Version
	a.Options.Silent = h.silent(a.Name, a.Options.Host)
	if h.Verbose {
		a.Options.Trace = traceWriter{h.Output, a.Name}
	}
	state, err := h.StateDir()
	if err != nil {
		return err
	}
	a.Options.Journal = filepath.Join(state, "appended")
	a.Options.RootCAs, err = trustedCertificates(cmp.Or(h.Flags.CAFile, a.Configured.CAFile))
	return err
}

// UnlockAccount sets the options of the account, and its password or token.
func (h *Host) UnlockAccount(ctx context.Context, a *Account, flags *AccountFlags) error {
	if err := h.ConfigureAccount(a, flags); err != nil {
		return err
	}
	environ := a.environ()
	passwordGiven := flags.PasswordFile != "" || flags.PasswordCommand != ""
	tokenCommand := flags.TokenCommand
	if !passwordGiven && tokenCommand == "" {
		tokenCommand = a.Configured.Token
		passwordGiven = !a.Configured.Secret.IsZero()
	}
	token := secret.Source{
		Name: "access token of " + a.Name, Variable: "MAILSTRATA_IMAP_TOKEN", Command: tokenCommand,
		Environ: environ,
	}
	if token.Command == "" && !passwordGiven {
		// The token of this account overrides a variable, which is for all accounts.
		if source, err := h.applicationTokens(ctx, a); err != nil || source != nil {
			a.Options.Token = source
			return err
		}
		if source, err := h.tokenSource(a); err != nil || source != nil {
			a.Options.Token = source
			return err
		}
		if a.Configured.Provider != "" {
			return &hint.Error{
				Text: "the owner of " + a.Name + " has not given consent at " + a.Configured.Provider,
				Hint: "run mailstrata auth " + ui.Safe(a.Name),
				Err:  oauth.ErrConsent,
			}
		}
	}
	if token.Command != "" || !passwordGiven && h.Getenv(token.Variable) != "" {
		// A token lives for an hour, so each connection reads it again.
		a.Options.Token = func(ctx context.Context) (string, error) {
			value, err := h.Secrets.Read(ctx, token)
			return string(value), err
		}
		return nil
	}
	value, err := h.Secrets.Read(ctx, a.password(flags))
	a.Options.Password = string(value)
	return err
}

// password returns where the password of the account comes from.
func (a *Account) password(flags *AccountFlags) secret.Source {
	password := secret.Source{
		Name: "password of " + a.Name, Variable: "MAILSTRATA_IMAP_PASSWORD", Flag: "--imap-password",
		File: flags.PasswordFile, Command: flags.PasswordCommand, Environ: a.environ(),
	}
	return password.Or(a.Configured.Secret)
}

// environ returns the variables that a command finds that prints a secret.
func (a *Account) environ() []string {
	return []string{
		"MAILSTRATA_ACCOUNT=" + a.Name, "MAILSTRATA_IMAP_USER=" + a.Options.User,
		"MAILSTRATA_IMAP_HOST=" + a.Options.Host,
	}
}

// trustedCertificates returns the certificates of the system and of the files. Nil means those of
// the system.
func trustedCertificates(files ...string) (*x509.CertPool, error) {
	var pool *x509.CertPool
	for _, file := range files {
		if file == "" {
			continue
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w", err)
		}
		if pool == nil {
			if pool, err = x509.SystemCertPool(); err != nil {
				pool = x509.NewCertPool()
			}
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
		}
	}
	return pool, nil
}

// traceWriter writes the protocol of an account, line by line.
type traceWriter struct {
	output  *ui.Output
	account string
}

func (t traceWriter) Write(line []byte) (int, error) {
	t.output.Trace(ui.Safe(t.account) + ": " + ui.OneLine(string(line)))
	return len(line), nil
}

// DescribeSecret returns where the secret of an account comes from, or "" if mailstrata asks for
// it.
func (h *Host) DescribeSecret(a *Account) string {
	if entry := a.Configured.Secret.Keyring; entry != "" {
		return "keyring entry " + entry
	}
	if !a.Configured.Secret.IsZero() {
		return a.Configured.Secret.String()
	}
	if a.Configured.Token != "" {
		return "token command"
	}
	if c, err := h.Config(); err == nil && a.Configured.Provider != "" {
		if p := c.Provider(a.Configured.Provider); p != nil && p.Application {
			return "tokens of the application " + p.Name
		}
	}
	store, err := h.TokenStore()
	switch {
	case err != nil || !store.Has(a.Options.User, a.Options.Host):
		return ""
	case store.Sealed(a.Options.User, a.Options.Host):
		return "tokens, sealed to a key in the keyring"
	}
	return "tokens, in a file"
}
