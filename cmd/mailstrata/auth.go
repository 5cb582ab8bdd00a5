package main

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/hint"
)

type authCommand struct {
	Account []string `arg:"" optional:"" help:"Accounts or repositories of the configuration, mail addresses at Google or Microsoft, or URLs of accounts: imaps://user@host[:port]. Without any, all of the configuration that lack a consent, or a secret in the keyring."`

	Provider         string   `group:"provider" placeholder:"NAME" help:"Who gives tokens: google, microsoft, one of the configuration, or other, with --auth-url, --device-url and --token-url. Where it is not told, it is as it was for this account before, or goes by the configuration or the address."`
	ClientID         string   `group:"provider" name:"client-id" placeholder:"ID" var:"MAILSTRATA_OAUTH_CLIENT_ID" help:"The client (application) that you registered at the provider; docs/oauth.md tells how."`
	ClientSecretFile string   `group:"provider" placeholder:"FILE" type:"path" help:"A file that holds the secret of the client, where it has one. (The variable MAILSTRATA_OAUTH_CLIENT_SECRET holds the secret itself.)"`
	Tenant           string   `group:"provider" default:"common" help:"At Microsoft, the tenant of an application that is for one alone."`
	Scope            []string `group:"provider" sep:"none" placeholder:"SCOPE" help:"What to ask for, instead of the usual (repeatable)."`
	AuthURL          string   `group:"provider" name:"auth-url" placeholder:"URL" help:"The provider's page for browsers."`
	DeviceURL        string   `group:"provider" name:"device-url" placeholder:"URL" help:"Where it gives device codes."`
	TokenURL         string   `group:"provider" name:"token-url" placeholder:"URL" help:"Where it gives tokens."`

	Browser bool `xor:"way" help:"Consent in a browser on this host. Google's way in any case."`
	Device  bool `xor:"way" help:"Consent on any device, with a code. The usual way where the provider has it."`
	Port    int  `placeholder:"N" help:"The loopback port to which the browser returns. Without it, any free one."`
	Keyring bool `help:"Seal the tokens to a key in the keyring. Then the account can be archived only where the keyring is unlocked."`
	Forget  bool `help:"Forget what is kept of the account or the repository, in files and in the keyring. (Take back the consent at the provider, too.)"`
}

func (*authCommand) Help() string {
	return `Asks the owner of an account for consent, once, and keeps what the provider gives (a refresh token) in a file in the state directory that only this user can read. From then on, every command that names the account logs in with a token of it, and renews it in time. A password or a token that a flag names counts more, a variable less.

Of an account or a repository whose secret is in the keyring by the configuration (secret_keyring), it asks for the password or the passphrase, tries it, and puts it there. It is typed on the terminal, and not shown. The keyring is that of the desktop (Secret Service: GNOME Keyring, KWallet, KeePassXC), of macOS or of Windows. "mailstrata doctor" tells whether it is there.

On a host without a browser, a code is entered on any other device. Where a provider has no such way (Google has none for mail), the browser must reach this host: mailstrata auth --port 8765 there, and ssh -L 8765:127.0.0.1:8765 HOST here.

The token or the password is tried on the mail server before it is kept: whoever consents with another account than the one that is named is told.

EXAMPLES

    mailstrata auth anna@gmail.com --client-id ID --client-secret-file client-secret
    mailstrata auth anna@contoso.example --provider microsoft --client-id ID
    mailstrata auth imaps://anna@mail.example --provider other --device-url https://id.example/device --token-url https://id.example/token --client-id ID --scope mail --scope offline_access
    mailstrata auth anna@gmail.com
    mailstrata auth
    mailstrata auth home --forget

The fourth renews a consent that was taken back or ran out, with the provider and the client of before. The fifth asks for all that the accounts and repositories of the configuration lack.

JSON: one object a line, with account, url, provider, scopes, or repository; and tried (the server took it), kept (file or keyring).

EXIT STATUS

0 done; 1 failed, or refused; 2 the command line makes no sense; 130 interrupted.`
}

// Run lets mailstrata in, one account or repository after the other.
func (c *authCommand) Run(ctx context.Context, p *program) error {
	if c.Forget && len(c.Account) == 0 {
		return &hint.Usage{Text: "what is to be forgotten is not named", Hint: "mailstrata auth NAME --forget"}
	}
	credentials, err := c.credentials(ctx, p)
	if err != nil {
		return err
	}
	if len(credentials) == 0 {
		p.Note("nothing is missing: all consents and secrets that the configuration wants are there")
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
