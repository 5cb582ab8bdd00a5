package main

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
	"github.com/mailstrata/mailstrata/internal/oauth"
)

// imapFlags say how to reach and enter an IMAP account, wherever one is named.
type imapFlags struct {
	PasswordFile    string      `group:"account" name:"imap-password-file" placeholder:"FILE" type:"path" help:"A file that holds the account's password. (The variable MAILSTRATA_IMAP_PASSWORD holds the password itself.)"`
	PasswordCommand string      `group:"account" name:"imap-password-command" placeholder:"COMMAND" help:"A command that prints the password. It finds the account in MAILSTRATA_ACCOUNT and MAILSTRATA_IMAP_USER."`
	TokenCommand    string      `group:"account" name:"imap-token-command" placeholder:"COMMAND" help:"A command that prints an OAuth access token, for OAUTHBEARER or XOAUTH2. (The variable MAILSTRATA_IMAP_TOKEN holds the token itself.)"`
	Connections     connections `group:"account" placeholder:"N" help:"How many connections to open at most (4); fewer where the server wants fewer."`
	OldTLS          bool        `group:"account" name:"insecure-old-tls" help:"Allow TLS 1.0 and 1.1, and ciphers without forward secrecy, with servers that have nothing better. Others on the network may be able to read the password."`
	Compress        bool        `group:"account" help:"Compress the connection where the server can (worth it below about 100 Mbit/s)."`
}

// Validate is called by kong.
func (f *imapFlags) Validate() error {
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

// connections is how many to open at most; 0 where nothing was said.
type connections int

// UnmarshalText reads a number from 1 to 100.
func (c *connections) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 8)
	if err != nil || n < 1 || n > 100 {
		return errors.New("it must be from 1 to 100")
	}
	*c = connections(n)
	return nil
}

// account is an IMAP account that is archived, or restored to: its name, its URL, and where its secret comes from.
type account struct {
	name string // the name its owner gave it
	url  string // without secrets
	opts imap.Options

	configured config.Account // what the configuration says of it, if it does
}

// parseAccount reads an account's URL. Nothing wrong is repeated: it may hold a secret.
func parseAccount(text string) (*account, error) {
	opts, err := imap.ParseURL(text)
	if err == nil {
		return &account{name: opts.String(), url: text, opts: opts}, nil
	}
	wrong := &usageError{text: err.Error()}
	switch {
	case errors.Is(err, imap.ErrURLPassword):
		wrong.hint = "a password comes from MAILSTRATA_IMAP_PASSWORD, --imap-password-file or --imap-password-command, never from the command line"
	case !strings.Contains(text, ":") && strings.Count(text, "@") == 1:
		wrong.hint = "did you mean imaps://" + safe(text) + "?"
		if known, ok := knownHosts[strings.ToLower(text[strings.IndexByte(text, '@')+1:])]; ok {
			wrong.hint = "did you mean " + safe(imapsURL(text, known.host)) + "?"
		}
	}
	return nil, wrong
}

// reach completes the account with what the flags say, or else the configuration, but for its secret.
func (p *program) reach(a *account, flags *imapFlags) error {
	a.opts.Connections = cmp.Or(int(flags.Connections), a.configured.Connections)
	a.opts.Compress = flags.Compress || a.configured.Compress
	a.opts.Logins = &p.logins
	a.opts.OldTLS = flags.OldTLS || a.configured.OldTLS
	a.opts.Insecure = p.flags.AllowPlaintext || a.configured.AllowPlaintext
	if a.opts.Insecure && a.opts.Security == imap.StartTLS {
		a.opts.Security = imap.Plain
	}
	a.opts.Version = version()
	if p.flags.Verbose {
		a.opts.Trace = traceWriter{p.console, a.name}
	}
	state, err := p.stateDir()
	if err != nil {
		return err
	}
	a.opts.Journal = filepath.Join(state, "appended")
	a.opts.RootCAs, err = trusted(cmp.Or(p.flags.CAFile, a.configured.CAFile))
	return err
}

// unlock completes the account with what is said of it, and with its secret.
func (p *program) unlock(ctx context.Context, a *account, flags *imapFlags) error {
	if err := p.reach(a, flags); err != nil {
		return err
	}
	environ := []string{"MAILSTRATA_ACCOUNT=" + a.name, "MAILSTRATA_IMAP_USER=" + a.opts.User, "MAILSTRATA_IMAP_HOST=" + a.opts.Host}
	passwordGiven := flags.PasswordFile != "" || flags.PasswordCommand != ""
	tokenCommand := flags.TokenCommand
	if !passwordGiven && tokenCommand == "" {
		tokenCommand = a.configured.Token
		passwordGiven = !a.configured.Secret.IsZero()
	}
	token := secret{name: "access token of " + a.name, variable: "MAILSTRATA_IMAP_TOKEN", command: tokenCommand, environ: environ}
	if token.command == "" && !passwordGiven {
		// What is kept for this account counts more than a variable, which is for all.
		if source, err := p.granted(a); err != nil || source != nil {
			a.opts.Token = source
			return err
		}
		if a.configured.Provider != "" {
			return &hintedError{
				text: "the owner of " + a.name + " has not consented to tokens of " + a.configured.Provider,
				hint: "mailstrata auth " + safe(a.name) + " asks for the consent",
				err:  oauth.ErrConsent,
			}
		}
	}
	if token.command != "" || !passwordGiven && p.getenv(token.variable) != "" {
		// A token lives an hour: it is asked for anew for each connection.
		a.opts.Token = func(ctx context.Context) (string, error) {
			value, err := p.read(ctx, token)
			return string(value), err
		}
		return nil
	}
	password := secret{
		name: "password of " + a.name, variable: "MAILSTRATA_IMAP_PASSWORD", flag: "--imap-password",
		file: flags.PasswordFile, command: flags.PasswordCommand, environ: environ,
	}
	value, err := p.read(ctx, password.or(a.configured.Secret))
	a.opts.Password = string(value)
	return err
}

// trusted returns the system's certificates and those of the files; nil means the system's alone.
func trusted(files ...string) (*x509.CertPool, error) {
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

// traceWriter shows the protocol, line by line.
type traceWriter struct {
	console *console
	account string
}

func (t traceWriter) Write(line []byte) (int, error) {
	t.console.line(levelInfo, safe(t.account)+": "+oneLine(string(line)))
	return len(line), nil
}
