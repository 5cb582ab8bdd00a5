package setup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/probe"
	"github.com/mailstrata/mailstrata/internal/provider"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// logIn asks for what the server wants, until it accepts it, and counts the mailboxes.
func (d *dialog) logIn(
	ctx context.Context, a *account, address string, server *probe.Server, p *provider.Provider,
) error {
	user := p.UserOf(address)
	token, err := d.askWay(ctx, server, p)
	if err != nil {
		return err
	}
	if token {
		return d.askConsent(ctx, a, user, server, p)
	}
	if p.Help != "" && p.Host != "" {
		d.Paragraph(p.Help)
	}
	name := "password"
	if p.Password == provider.App {
		name = "app password"
	}
	for {
		if a.password, err = d.secret(ctx, name); err != nil {
			return err
		}
		if p.Password == provider.App {
			a.password = strings.ReplaceAll(a.password, " ", "") // Google shows it in groups
		}
		a.url = accountURL(user, server)
		err := d.tryLogin(ctx, a, func(o *imap.Options) { o.Password = a.password })
		if err == nil {
			if right, err := d.askEmpty(ctx, a); err != nil || right {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && !errors.Is(err, imap.ErrLogin) {
			d.failed(err)
			continue
		}
		if err != nil {
			d.Paragraph(sentence(err))
			d.Paragraph("The user name may be another one, such as the part of the address before the @.")
		}
		if user, err = d.ask(ctx, "User name", user); err != nil {
			return err
		}
	}
}

// askEmpty reports whether the account is the right one. It asks if there is no message in it: some
// servers accept other names of a user, and show an empty account.
func (d *dialog) askEmpty(ctx context.Context, a *account) (right bool, err error) {
	if a.messages > 0 {
		return true, nil
	}
	return d.doubt(ctx, "There is no message in this account. Is it the right one?")
}

// askWay reports whether to log in with a token. It asks if both ways are open.
func (d *dialog) askWay(ctx context.Context, server *probe.Server, p *provider.Provider) (token bool, err error) {
	switch {
	case p.Password == provider.None || !server.TakesPasswords() && server.TakesTokens():
		return true, nil
	case !server.TakesTokens():
		return false, nil
	}
	password := "With a password"
	if p.Password == provider.App {
		password = "With an app password"
	}
	chosen, err := d.choose(ctx, "How do you want to log in?",
		password, "With OAuth: you consent in a browser (docs/oauth.md)")
	return chosen == 1, err
}

// accountURL returns the URL of an account at a server.
func accountURL(user string, server *probe.Server) string {
	scheme := "imaps"
	if server.Security != imap.TLS {
		scheme = "imap"
	}
	host := server.Host
	if server.Port != 0 && !(scheme == "imaps" && server.Port == 993 || scheme == "imap" && server.Port == 143) {
		host = net.JoinHostPort(host, strconv.Itoa(server.Port))
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	escaped := url.PathEscape(user)
	return scheme + "://" + strings.NewReplacer(":", "%3A", "%40", "@").Replace(escaped) + "@" + host
}

// tryLogin logs in with the secret that enter puts into the options, counts the mailboxes, and
// looks into one.
func (d *dialog) tryLogin(ctx context.Context, a *account, enter func(*imap.Options)) error {
	parsed, err := access.ParseAccount(a.url)
	if err != nil {
		return err
	}
	if err := d.ConfigureAccount(parsed, &access.AccountFlags{Connections: 1}); err != nil {
		return err
	}
	o := &parsed.Options
	o.Logins = nil // each answer is tried
	if a.ca != nil {
		o.RootCAs = a.roots()
	}
	enter(o)
	progress := d.Progress("")
	progress.Begin("logging in")
	defer progress.Done()
	from := imapsource.NewSource(*o)
	defer from.Close()
	survey, err := from.Survey(ctx)
	if err != nil {
		return err
	}
	if _, _, err := source.Sample(ctx, from, survey); err != nil {
		return fmt.Errorf("the login was accepted, but a backup would fail: %w", err)
	}
	progress.Done()
	mailboxes, messages := survey.Counts()
	a.messages = messages
	d.Paragraph(fmt.Sprintf("Login accepted: %s, %s.", ui.Plural(mailboxes, "mailbox"), ui.Plural(messages, "message")))
	return nil
}
