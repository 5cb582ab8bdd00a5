package access

import (
	"errors"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/jmap"
)

// AdviseLogin adds a hint to the error of a refused login: where the password comes from, so that
// the user can write a new one there. An error about a password from a variable or the terminal
// keeps its own hint.
func (a *Account) AdviseLogin(flags *AccountFlags, err error) error {
	refused := (errors.Is(err, imap.ErrLogin) || errors.Is(err, jmap.ErrLogin)) && !errors.Is(err, imap.ErrNotTried)
	if !refused || flags.TokenCommand != "" || a.Options.Token != nil {
		return err
	}
	advice := ""
	switch source := a.password(flags); {
	case source.File != "":
		advice = "the password is in " + ui.Safe(source.File) + "; write the new one there"
	case flags.PasswordCommand != "":
		advice = "check user name and password: the command of --imap-password-command printed it"
	case source.Command != "":
		advice = "check user name and password: the secret_command of the account printed it"
	case source.Credential != "":
		advice = "the password is the credential " + ui.Safe(source.Credential) + " of the systemd unit"
	case source.Keyring != "":
		advice = "the password is the entry " + ui.Safe(source.Keyring) + " of the keyring; mailstrata auth " +
			ui.Safe(ui.ShellWord(a.Name)) + " stores a new one"
	default:
		return err
	}
	return &hint.Error{Text: err.Error(), Hint: advice + ". With two-factor login, that is an app password", Err: err}
}
