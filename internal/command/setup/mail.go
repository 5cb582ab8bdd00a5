package setup

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/probe"
	"github.com/mailstrata/mailstrata/internal/provider"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// account is a mail account that was tested.
type account struct {
	name, url string
	messages  uint64 // when it was tested

	password string
	provider *config.Provider // who gives tokens; nil: the password is used
	client   string           // the secret of the client there; "": it has none
	grant    *oauth.Grant

	ca     []byte // certificates in PEM to trust for it; nil: those of the system are enough
	caFile string // the file of the user that has them; "": there is none
}

// askAccount asks for an account, and tests it. taken returns an error for a name that another
// account has.
func (d *dialog) askAccount(ctx context.Context, address string, taken func(name string) error) (*account, error) {
	address, err := d.askAddress(ctx, address, taken)
	if err != nil {
		return nil, err
	}
	d.Progress("").Begin("looking for the mail server")
	finder := provider.Finder{Resolver: net.DefaultResolver, HTTP: http.DefaultTransport}
	found := finder.Find(ctx, address)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	guess := ""
	if found == nil {
		guess = finder.Guess(ctx, address)
	}
	server, a, err := d.askServer(ctx, address, found, guess)
	if err != nil {
		return nil, err
	}
	if found == nil {
		found = &provider.Provider{}
	}
	a.name = address
	return a, d.logIn(ctx, a, address, server, found)
}

// askAddress asks for the address, unless it is given.
func (d *dialog) askAddress(ctx context.Context, address string, taken func(string) error) (string, error) {
	for {
		if address != "" {
			err := checkAddress(address)
			if err == nil {
				err = taken(address)
			}
			if err == nil {
				return address, nil
			}
			d.failed(err)
		}
		var err error
		if address, err = d.ask(ctx, "Your mail address", ""); err != nil {
			return "", err
		}
	}
}

func checkAddress(address string) error {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(address, " \t,;<>\"/") ||
		strings.Contains(domain, "@") {
		return fmt.Errorf("%s is not a mail address, such as anna@mail.example", ui.Quote(address))
	}
	return nil
}

// askServer asks for the mail server, unless it is known, until one answers that can be trusted. It
// suggests the guess.
func (d *dialog) askServer(
	ctx context.Context, address string, found *provider.Provider, guess string,
) (*probe.Server, *account, error) {
	host, port, ask := "", 0, true
	switch {
	case found == nil:
		_, domain, _ := strings.Cut(address, "@")
		d.Paragraph("The mail server of " + ui.Safe(domain) + " is not known. Your provider names it as the server for " +
			"incoming mail, or IMAP, such as imap.mail.example.")
		host = guess
	case found.Host == "":
		d.Paragraph(found.Help)
	case found.Forgeable:
		d.Paragraph(ui.Safe(fmt.Sprintf("The domain names the mail server %s, which is of another domain. Compare it with what your "+
			"provider says.", found.Host)))
		host, port = found.Host, found.Port
	case found.Name == "":
		d.Paragraph(ui.Safe(fmt.Sprintf("The domain names the mail server %s.", found.Host)))
		host, port, ask = found.Host, found.Port, false
	default:
		d.Paragraph(fmt.Sprintf("This is %s: the mail server is %s.", found.Name, found.Host))
		host, port, ask = found.Host, found.Port, false
	}
	for {
		if ask {
			answer, err := d.ask(ctx, "Mail server", hostAndPort(host, port))
			if err != nil {
				return nil, nil, err
			}
			if host, port, err = parseServer(answer); err != nil {
				d.failed(err)
				continue
			}
		}
		ask = true
		server, a, err := d.tryServer(ctx, host, port)
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if err == nil && server != nil {
			return server, a, nil
		}
		if err != nil {
			d.failed(err)
		}
	}
}

// parseServer reads host[:port], or an address that somebody copied with its scheme.
func parseServer(text string) (host string, port int, err error) {
	for _, scheme := range []string{"imaps://", "imap://"} {
		text = strings.TrimPrefix(text, scheme)
	}
	o, err := imap.ParseURL("imaps://user@" + text)
	if err != nil || o.User != "user" {
		return "", 0, fmt.Errorf("%s is not the name of a server, such as imap.mail.example or imap.mail.example:993", ui.Quote(text))
	}
	return o.Host, o.Port, nil
}

func hostAndPort(host string, port int) string {
	if port == 0 || host == "" {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// tryServer connects to a server. It returns nil if the user does not trust it.
func (d *dialog) tryServer(ctx context.Context, host string, port int) (*probe.Server, *account, error) {
	d.Progress("").Begin("connecting to " + ui.Safe(host))
	a := &account{}
	server, err := probe.Find(ctx, host, port, nil)
	if err != nil {
		return nil, nil, unreachable(err)
	}
	if own := d.Flags.CAFile; server.Untrusted != nil && own != "" {
		if a.ca, err = os.ReadFile(own); err != nil {
			return nil, nil, err
		}
		a.caFile = own
		if server, err = probe.Find(ctx, host, port, a.roots()); err != nil {
			return nil, nil, err
		}
	}
	if server.Untrusted != nil {
		if err := d.askTrust(ctx, server, a); err != nil || a.ca == nil {
			return nil, nil, err
		}
	}
	switch server.Security {
	case imap.TLS:
		d.Paragraph(ui.Safe(host) + " answers, with TLS.")
	case imap.StartTLS:
		d.Paragraph(ui.Safe(host) + " answers, with STARTTLS.")
	default:
		d.Paragraph(ui.Safe(host) + " answers, without encryption. It is on this computer.")
	}
	return server, a, nil
}

// unreachable puts the error of a connection that was not made into the words of a user.
func unreachable(err error) error {
	var name *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return &hint.Error{Text: "there is no server of the name " + ui.Quote(name.Name), Hint: "look for typing errors in it; if it is right, this computer may have no network, and Enter tries again", Err: err}
	case errors.As(err, &name) || !errors.As(err, &op) || op.Op != "dial" || op.Addr == nil:
		return err
	case op.Timeout():
		return &hint.Error{Text: op.Addr.String() + " does not answer", Hint: hint.For(err), Err: err}
	}
	reason := op.Err
	if call := new(os.SyscallError); errors.As(op.Err, &call) {
		reason = call.Err
	}
	return &hint.Error{Text: fmt.Sprintf("%s cannot be reached: %v", op.Addr, reason), Hint: hint.For(err), Err: err}
}

// roots returns the certificates to trust for the account; nil: those of the system.
func (a *account) roots() *x509.CertPool {
	if a.ca == nil {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(a.ca)
	return pool
}

// askTrust shows what an untrusted server presents, and asks for the certificate of its authority
// or for trust in the one shown. It sets the certificates of the account, unless the user does not
// trust the server.
func (d *dialog) askTrust(ctx context.Context, server *probe.Server, a *account) error {
	own := server.Presented[0]
	d.Paragraph(ui.Safe(server.Host) + " cannot be trusted yet: " + ui.OneLine(hint.Text(server.Untrusted)) + ".")
	d.Say("  subject      " + ui.Safe(cmp.Or(own.Subject.String(), strings.Join(own.DNSNames, ", "))))
	d.Say("  signed by    " + ui.Safe(own.Issuer.String()))
	d.Say("  valid until  " + own.NotAfter.Format("2006-01-02"))
	d.Say("  SHA-256      " + probe.Fingerprint(own)[:47])
	d.Say("               " + probe.Fingerprint(own)[48:])
	var invalid x509.CertificateInvalidError
	if errors.As(server.Untrusted, &invalid) && invalid.Reason == x509.Expired {
		return errors.New("the certificate is out of date: its operator must renew it, or the clock of this computer is wrong")
	}
	var name x509.HostnameError
	if errors.As(server.Untrusted, &name) {
		return errors.New("the certificate is for another name: enter the server by the name that is in it")
	}
	chosen, err := d.choose(ctx, "Is this the right server?",
		"I do not know: enter another server",
		"Yes, and I have a file with the certificate of its authority",
		"Yes, I compared the SHA-256 with what its operator gave me: trust this certificate")
	if err != nil || chosen == 0 {
		return err
	}
	if chosen == 2 {
		a.ca = probe.PEM(server.Anchor())
		return nil
	}
	return d.askAuthority(ctx, server, a)
}

// askAuthority asks for the file of the authority that signed the certificate. An empty line is
// another server.
func (d *dialog) askAuthority(ctx context.Context, server *probe.Server, a *account) error {
	for {
		path, err := d.ask(ctx, "File (PEM)", "")
		if err != nil {
			return err
		}
		if path, err = d.absolute(path); err != nil {
			d.failed(err)
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			d.failed(err)
			continue
		}
		if !x509.NewCertPool().AppendCertsFromPEM(text) {
			d.failed(fmt.Errorf("%s holds no certificate in PEM form", path))
			continue
		}
		tried := &account{ca: text}
		again, err := probe.Find(ctx, server.Host, server.Port, tried.roots())
		if err == nil {
			err = again.Untrusted
		}
		if err == nil {
			a.ca, a.caFile = text, path
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d.failed(fmt.Errorf("that authority did not sign the certificate: %w", err))
	}
}
