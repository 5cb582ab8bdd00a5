package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/serve/imapserver"
	"github.com/mailstrata/mailstrata/serve/view"
)

type serveCommand struct {
	IMAP         string `name:"imap" placeholder:"ADDRESS" default:"127.0.0.1:1143" help:"Address to listen at: an IP address of this host, and a port. 0 is any free port."`
	TLSCert      string `name:"tls-cert" placeholder:"FILE" type:"path" help:"Certificate (PEM) with its chain. Connections are then TLS from the start. Without one, only programs on this host can connect."`
	TLSKey       string `name:"tls-key" placeholder:"FILE" type:"path" help:"Private key (PEM) of the certificate."`
	NoIndex      bool   `name:"no-index" help:"Search the text of messages by reading them, even if this host has an index of their words."`
	PasswordFile string `name:"serve-password-file" placeholder:"FILE" type:"path" help:"File that holds the password of the server. (MAILSTRATA_SERVE_PASSWORD holds the password itself.) Default: a new one, which is printed."`
}

func (*serveCommand) Help() string {
	return `Serves every night of every account to mail programs, by IMAP. A mail program can list, search, read and copy, and change nothing. To restore a message, drag it into another account.

The user name selects what a mail program sees. The password is the same for all.

    anna@mail.example                      the latest night
    anna@mail.example#2026-03-13           the night of that day, or of the last one before
    anna@mail.example#latest~3             any other name of a manifest
    anna@mail.example#nights               many nights side by side
    anna@mail.example#ever                 every message that was ever in a mailbox
    anna@mail.example#gone                 every message that the latest night has nowhere

A mail program that has a copy of an account sees a night as the same account: UIDs, flags and dates are those of the server.

mailstrata serves the repositories of the configuration, or that of --repo. A search for text uses the index of words, if this host has one (mailstrata index). It then finds whole words and beginnings of words, as find does. It needs an owner's or a reader's key. The password opens all mail of these: without a certificate, mailstrata listens only where programs of this host can connect.

EXAMPLES

    mailstrata serve
    mailstrata serve --imap 127.0.0.1:0 --serve-password-file ~/.config/mailstrata/serve
    mailstrata serve --imap 192.0.2.7:993 --tls-cert cert.pem --tls-key key.pem

` + exitStatus
}

// served is what serve prints as JSON.
type served struct {
	IMAP     string `json:"imap"`
	Password string `json:"password,omitempty"` // that was made
}

// servingMemoryLimit is the memory limit of a server: the cache of its reader, the lists of mailboxes, and what twenty
// clients take.
const servingMemoryLimit = 180 << 20

func (c *serveCommand) Run(ctx context.Context, p *program) error {
	p.limitMemory(servingMemoryLimit)
	certificate, err := c.certificate()
	if err != nil {
		return err
	}
	password, made, err := c.password(ctx, p)
	if err != nil {
		return err
	}
	archives, closeAll, err := openAll(ctx, p)
	defer closeAll()
	if err != nil {
		return err
	}
	if !c.NoIndex {
		useIndexes(p, archives)
	}
	listener, err := c.listen(ctx, certificate != nil)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := c.announce(p, listener.Addr().String(), made); err != nil {
		return err
	}
	server := imapserver.New(imapserver.Options{
		Views: archives, Password: password, TLS: certificate, Version: version(),
		Log: func(format string, args ...any) { p.Trace(fmt.Sprintf(format, args...)) },
	})
	return server.Serve(ctx, listener)
}

// announce prints how to connect.
func (c *serveCommand) announce(p *program, address, made string) error {
	if p.flags.JSON {
		if err := p.PrintJSON(served{address, made}); err != nil {
			return err
		}
		return p.Flush()
	}
	p.Facts("IMAP", address, "Security", map[bool]string{true: "TLS", false: "none; this host only"}[c.TLSCert != ""],
		"User name", "the name of an account, or ACCOUNT#MANIFEST", "Password", made)
	return p.Flush()
}

// certificate returns the settings of TLS, or nil.
func (c *serveCommand) certificate() (*tls.Config, error) {
	if c.TLSCert == "" && c.TLSKey == "" {
		return nil, nil
	}
	if c.TLSCert == "" || c.TLSKey == "" {
		return nil, hint.Usagef("--tls-cert and --tls-key belong together")
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, nil
}

// password returns the password of the server, and again if it was made.
func (c *serveCommand) password(ctx context.Context, p *program) (password []byte, made string, err error) {
	from := secret.Source{
		Name: "password of the server", Variable: "MAILSTRATA_SERVE_PASSWORD", Flag: "--serve-password", File: c.PasswordFile,
	}
	if !p.Secrets.Given(from) {
		made = rand.Text()
		return []byte(made), made, nil
	}
	password, err = p.Secrets.Read(ctx, from)
	return password, "", err
}

// listen listens. Without TLS it refuses addresses that other hosts reach.
func (c *serveCommand) listen(ctx context.Context, secure bool) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.IMAP)
	if err != nil {
		return nil, err
	}
	if address, ok := listener.Addr().(*net.TCPAddr); !secure && !(ok && address.IP.IsLoopback()) {
		listener.Close()
		return nil, hint.Usagef("other hosts could connect to %s, and read the password on the way: give --tls-cert and --tls-key, or an address such as 127.0.0.1:1143",
			ui.Quote(c.IMAP))
	}
	return listener, nil
}

// useIndexes makes searches use the indexes of words that this host has.
func useIndexes(p *program, archives view.Archives) {
	x := view.Index{Documents: p.documents(), Log: func(format string, args ...any) { p.Trace(fmt.Sprintf(format, args...)) }}
	for _, a := range archives {
		a.UseIndex(x)
	}
}

// openAll opens the repository of --repo, or else all of the configuration.
func openAll(ctx context.Context, p *program) (archives view.Archives, closeAll func(), err error) {
	closeAll = func() {
		for _, a := range archives {
			a.Close()
		}
	}
	var locations []*access.Location
	config, err := p.Config()
	if err != nil {
		return nil, closeAll, err
	}
	if p.Host.Flags.Repo == "" {
		for i := range config.Repositories {
			l, err := p.ConfiguredLocation(&config.Repositories[i])
			if err != nil {
				return nil, closeAll, err
			}
			locations = append(locations, l)
		}
	}
	if len(locations) == 0 {
		l, err := p.Location("")
		if err != nil {
			return nil, closeAll, err
		}
		locations = append(locations, l)
	}
	for _, l := range locations {
		var r *repo.Repo
		if r, err = l.Open(ctx); err != nil {
			return archives, closeAll, err
		}
		archives = append(archives, view.NewArchive(r))
		if err = access.MayRead(r); err != nil {
			return archives, closeAll, err
		}
	}
	return archives, closeAll, nil
}
