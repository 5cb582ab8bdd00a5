package serve

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/serve/view"
)

// Command serves every night to browsers and mail programs.
type Command struct {
	IMAP         string        `name:"imap" placeholder:"ADDRESS" default:"127.0.0.1:1143" help:"Where mail programs connect: an IP address of this host, and a port. 0 is any free port; none switches it off."`
	Web          string        `name:"web" placeholder:"ADDRESS" default:"127.0.0.1:8143" help:"Where browsers connect, likewise."`
	Open         bool          `help:"Open the page in your browser."`
	StopAfter    time.Duration `name:"stop-after" placeholder:"TIME" help:"Stop when nobody has opened anything for this long, such as 30m. The key is then no longer in memory. What mail programs ask by themselves does not count. Default: never."`
	TLSCert      string        `name:"tls-cert" placeholder:"FILE" type:"path" help:"Certificate (PEM) with its chain. Connections are then TLS from the start. Without one, only programs on this host can connect."`
	TLSKey       string        `name:"tls-key" placeholder:"FILE" type:"path" help:"Private key (PEM) of the certificate."`
	NoIndex      bool          `name:"no-index" help:"Search the text of messages by reading them, even if this host has an index of their words."`
	PasswordFile string        `name:"serve-password-file" placeholder:"FILE" type:"path" help:"File that holds the password of the server. (MAILSTRATA_SERVE_PASSWORD holds the password itself.) Default: a new one, which is printed."`
}

func (*Command) Help() string {
	return `Serves every backup of every account, to browsers as a page, and to mail programs by IMAP. Nothing can be changed.

The page shows the backups of each account, mailboxes and messages, and finds words in them. mailstrata prints a link that opens it once, within 15 minutes; after that, log in with the password.

A mail program can list, search, read and copy. To restore a message, drag it into another account.

The user name selects what a mail program sees. The password is the same for all.

    anna@mail.example            the latest backup
    anna@mail.example#2026-03-13 the backup of that day, or the last one before
    anna@mail.example#latest~3   any other name of a manifest
    anna@mail.example#nights     many backups side by side
    anna@mail.example#ever       every message that was ever in a mailbox
    anna@mail.example#gone       messages that the latest backup has nowhere

A mail program that has a copy of an account sees a backup as the same account: UIDs, flags and dates are those of the server.

mailstrata serves the repositories of the configuration, or that of --repo. A search for text uses the index of words, if this host has one (mailstrata index). It then finds whole words and beginnings of words, as find does.

serve needs an owner's key of each repository. The password opens all mail of these: without a certificate, mailstrata listens only where programs of this host can connect. With --stop-after, serve ends by itself. Start it again to go on. If the key is in a file on this disk, that protects little.

EXAMPLES

    mailstrata serve
    mailstrata serve --open --imap none
    mailstrata serve --web none --serve-password-file ~/.config/mailstrata/serve
    mailstrata serve --imap 192.0.2.7:993 --tls-cert cert.pem --tls-key key.pem

EXIT STATUS

0 ended by Ctrl-C, SIGTERM or --stop-after; 1 failed; 2 invalid command line; 130 interrupted before it served.`
}

// served is what serve prints as JSON.
type served struct {
	IMAP     string `json:"imap,omitempty"`
	Web      string `json:"web,omitempty"`      // a URL that logs in once
	Password string `json:"password,omitempty"` // that was made
}

// servingMemoryLimit is the memory limit of a server: the cache of its reader, the lists of
// mailboxes, and what twenty clients take.
const servingMemoryLimit = 180 << 20

func (c *Command) Run(ctx context.Context, p *cli.Program) error {
	p.LimitMemory(servingMemoryLimit)
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
	servers, err := c.servers(ctx, p, archives, password, certificate)
	defer servers.close()
	if err != nil {
		return err
	}
	if err := c.announce(p, servers, made); err != nil {
		return err
	}
	if c.Open {
		done, err := openBrowser(ctx, p, servers.link())
		defer done()
		if err != nil {
			p.Warn("%s; open the page yourself", ui.OneLine(err.Error()))
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if c.StopAfter > 0 {
		servers.idle = time.AfterFunc(c.StopAfter, func() {
			p.Note("stopped: nothing was opened for %s", c.StopAfter)
			stop()
		})
		defer servers.idle.Stop()
	}
	return servers.serve(ctx)
}

// announce prints how to connect.
func (c *Command) announce(p *cli.Program, s *servers, made string) error {
	if p.JSON {
		if err := p.PrintJSON(served{s.imapAddress(), s.link(), made}); err != nil {
			return err
		}
		return p.Flush()
	}
	facts := []string{"Page", s.link(), "IMAP",
		s.imapAddress(), "Security", map[bool]string{true: "TLS", false: "none; this host only"}[c.TLSCert != ""]}
	if s.imap != nil {
		facts = append(facts, "User name", "the name of an account, or ACCOUNT#MANIFEST")
	}
	p.Facts(append(facts, "Password", made)...)
	return p.Flush()
}

// certificate returns the settings of TLS, or nil.
func (c *Command) certificate() (*tls.Config, error) {
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
func (c *Command) password(ctx context.Context, p *cli.Program) (password []byte, made string, err error) {
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

// useIndexes makes searches use the indexes of words that this host has.
func useIndexes(p *cli.Program, archives view.Archives) {
	x := view.Index{Documents: p.Documents(), Log: func(format string, args ...any) { p.Trace(fmt.Sprintf(format, args...)) }}
	for _, a := range archives {
		a.UseIndex(x)
	}
}

// openAll opens the repository of --repo, or else all of the configuration.
func openAll(ctx context.Context, p *cli.Program) (archives view.Archives, closeAll func(), err error) {
	closeAll = func() {
		for _, a := range archives {
			a.Close()
		}
	}
	locations, err := p.Locations()
	if err != nil {
		return nil, closeAll, err
	}
	for _, l := range locations {
		var r *repo.Repo
		if r, err = l.Open(ctx); err != nil {
			return archives, closeAll, err
		}
		archives = append(archives, view.NewArchive(r))
		if len(locations) > 1 || p.Host.Flags.Repo != "" {
			archives[len(archives)-1].Place = l.String()
		}
		archives[len(archives)-1].KeyFile = p.Host.Flags.KeyFile
		if err = access.MayRead(r); err != nil {
			return archives, closeAll, err
		}
	}
	return archives, closeAll, nil
}
