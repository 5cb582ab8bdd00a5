package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

type authCommand struct {
	Account []string `arg:"" optional:"" help:"Accounts or repositories of the configuration, mail addresses at Google or Microsoft, or URLs of accounts: imaps://user@host[:port]. Default: all of the configuration that lack a consent, or a secret in the keyring."`

	Provider         string   `group:"provider" placeholder:"NAME" help:"Who issues tokens: google, microsoft, one of the configuration, or other, with --auth-url, --device-url and --token-url. Default: as before for this account, or by the configuration or the address."`
	ClientID         string   `group:"provider" name:"client-id" placeholder:"ID" var:"MAILSTRATA_OAUTH_CLIENT_ID" help:"The client (application) that you registered at the provider; see docs/oauth.md."`
	ClientSecretFile string   `group:"provider" placeholder:"FILE" type:"path" help:"File that holds the secret of the client, if it has one. (MAILSTRATA_OAUTH_CLIENT_SECRET holds the secret itself.)"`
	Tenant           string   `group:"provider" default:"common" help:"Microsoft: the tenant of an application that is for one tenant only."`
	Scope            []string `group:"provider" sep:"none" placeholder:"SCOPE" help:"Request this scope instead of the default (repeatable)."`
	AuthURL          string   `group:"provider" name:"auth-url" placeholder:"URL" help:"The provider's page for browsers."`
	DeviceURL        string   `group:"provider" name:"device-url" placeholder:"URL" help:"Where the provider issues device codes."`
	TokenURL         string   `group:"provider" name:"token-url" placeholder:"URL" help:"Where the provider issues tokens."`

	Browser bool `xor:"way" help:"Consent in a browser on this host. Google has no other way."`
	Device  bool `xor:"way" help:"Consent on any device, with a code. This is the default if the provider has it."`
	Port    int  `placeholder:"N" help:"The loopback port to which the browser returns. Default: any free port."`
	Keyring bool `help:"Seal the tokens to a key in the keyring. Then backups run only while the keyring is unlocked."`
	Forget  bool `help:"Delete what is kept of the account or the repository, in files and in the keyring. (Revoke the consent at the provider, too.)"`
}

func (*authCommand) Help() string {
	return `Asks the owner of an account for consent, once, and keeps the refresh token in a file in the state directory that only this user can read. From then on, every command that names the account logs in with a token. A password or token that a flag names overrides it; a variable does not.

For an account or a repository whose secret the configuration keeps in the keyring (secret_keyring), it asks for the password or the passphrase, tests it, and stores it there. The keyring is that of the desktop (Secret Service: GNOME Keyring, KWallet, KeePassXC), of macOS or of Windows.

On a host without a browser, you enter a code on any other device. If the provider has no such way (Google has none for mail), run mailstrata auth --port 8765 there, and ssh -L 8765:127.0.0.1:8765 HOST here.

mailstrata tests the token or the password on the mail server before it keeps it.

EXAMPLES

    mailstrata auth anna@gmail.com --client-id ID --client-secret-file client-secret
    mailstrata auth anna@contoso.example --provider microsoft --client-id ID
    mailstrata auth imaps://anna@mail.example --provider other --device-url https://id.example/device --token-url https://id.example/token --client-id ID --scope mail --scope offline_access

To renew a consent, to ask for all that the configuration lacks, and to delete what is kept:

    mailstrata auth anna@gmail.com
    mailstrata auth
    mailstrata auth home --forget

EXIT STATUS

0 done; 1 failed, or refused; 2 invalid command line; 130 interrupted.`
}

func (c *authCommand) Run(ctx context.Context, p *program) error {
	if c.Forget && len(c.Account) == 0 {
		return &hint.Usage{Text: "name the account or repository to forget", Hint: "mailstrata auth NAME --forget"}
	}
	credentials, err := c.credentials(ctx, p)
	if err != nil {
		return err
	}
	if len(credentials) == 0 {
		p.Note("all consents and secrets of the configuration are present")
	}
	for _, a := range credentials {
		if c.Forget {
			err = errors.Join(err, a.forget(ctx, p))
		} else {
			err = errors.Join(err, a.obtain(ctx, p, c))
		}
		if ctx.Err() != nil {
			return err
		}
	}
	return err
}

// account returns an account that is not in the configuration, and its provider if the name shows it.
func (c *authCommand) account(p *program, name string) (*access.Account, string, error) {
	if strings.Contains(name, "://") {
		a, err := access.ParseAccount(name)
		if err != nil {
			return nil, "", err
		}
		return a, cmp.Or(c.Provider, access.ProviderOf(a)), nil
	}
	if strings.LastIndexByte(name, '@') < 1 {
		return nil, "", p.unknownName(name)
	}
	provider := cmp.Or(c.Provider, access.DomainProvider(name))
	configured, err := p.Config()
	if err != nil {
		return nil, "", err
	}
	host := access.ProviderHosts[provider]
	if own := configured.Provider(provider); own != nil {
		host = access.ProviderHosts[own.Kind]
	}
	if near := ui.Nearest(name, configured.Names()); host == "" && near != "" {
		return nil, "", p.unknownName(name)
	}
	if host == "" {
		return nil, "", &hint.Usage{
			Text: "the mail server of " + ui.Quote(name) + " is not known",
			Hint: "use --provider google or --provider microsoft, or the URL of the account: imaps://user@host",
		}
	}
	a, err := access.ParseAccount(access.AccountURL(name, host))
	return a, provider, err
}

// unknownName returns an error for an unknown name, with the nearest name as a hint.
func (p *program) unknownName(name string) error {
	return &hint.Usage{
		Text: ui.Quote(name) + " is not a mail address, the URL of an account, or a name in the configuration",
		Hint: cmp.Or(ui.DidYouMean(name, p.Names()), "mailstrata auth anna@gmail.com, or imaps://user@host"),
	}
}
