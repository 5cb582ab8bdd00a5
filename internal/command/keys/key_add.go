package keys

import (
	"context"
	"errors"
	"fmt"
	"os"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/keys"
)

type keyAddCommand struct {
	Role               string `enum:"owner,writer" default:"owner" help:"What the key allows: owner (everything) or writer (archive and list, but neither read mail nor delete)."`
	Label              string `placeholder:"TEXT" help:"A label for lists: whose key it is, or where."`
	NewKeyFile         string `placeholder:"FILE" type:"path" xor:"what" help:"Write a new key file (an age identity), and add it."`
	Recipient          string `placeholder:"PUBLIC-KEY" xor:"what" help:"Add this public key: age1…, or a line of ssh-ed25519 or ssh-rsa."`
	RecipientFile      string `placeholder:"FILE" type:"path" xor:"what" help:"Add the public key in this file, such as ~/.ssh/id_ed25519.pub."`
	NewPasswordFile    string `placeholder:"FILE" type:"path" xor:"what" help:"File that holds the new passphrase. (MAILSTRATA_NEW_PASSWORD holds the passphrase itself.)"`
	NewPasswordCommand string `placeholder:"COMMAND" xor:"what" help:"Command that prints the new passphrase."`
}

func (*keyAddCommand) Help() string {
	return `Without a key file or a public key, the new key is a passphrase, which mailstrata asks for twice. An owner's key must open the repository (--key-file, or its passphrase).

If you add somebody's public key, give them the fingerprint too, for --trust on their host. Of the kinds of keys, only age's hybrid keys (age-keygen -pq) withstand quantum computers.

EXAMPLES

    mailstrata key add --label safe
    mailstrata key add --role writer --new-key-file nightly.key --label nas
    mailstrata key add --recipient-file ~/.ssh/id_ed25519.pub --label anna

` + cli.ExitStatus
}

func (c *keyAddCommand) Run(ctx context.Context, p *cli.Program) error {
	recipient, err := c.publicKey()
	if err != nil {
		return err
	}
	r, _, err := p.OpenToChangeKeys(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	var file *secret.KeyFile
	switch {
	case c.NewKeyFile != "":
		if file, err = secret.CreateKeyFile(c.NewKeyFile); err != nil {
			return err
		}
		recipient = file.Identity.Recipient()
	case recipient == nil:
		if recipient, err = c.passphrase(ctx, p); err != nil {
			return err
		}
	}
	name, err := r.AddSlot(ctx, repo.Role(c.Role), recipient, c.Label)
	if err != nil {
		return fmt.Errorf("add a key: %w", err)
	}
	if file != nil {
		if err := file.Complete(r); err != nil {
			return err
		}
	}
	return c.print(ctx, p, r, name)
}

// publicKeyHint says where a public key is.
const publicKeyHint = "an age key file names its public key in a comment; an SSH public key is the file that ends in .pub"

// publicKey returns the public key that the flags name, or nil.
func (c *keyAddCommand) publicKey() (age.Recipient, error) {
	text := c.Recipient
	if c.RecipientFile != "" {
		b, err := os.ReadFile(c.RecipientFile)
		if err != nil {
			return nil, fmt.Errorf("read the public key: %w", err)
		}
		text = string(b)
	}
	if text == "" && c.RecipientFile == "" {
		return nil, nil
	}
	recipient, err := keys.ParseRecipient(text)
	if err != nil {
		return nil, &hint.Usage{Text: err.Error(), Hint: publicKeyHint}
	}
	return recipient, nil
}

func (c *keyAddCommand) passphrase(ctx context.Context, p *cli.Program) (age.Recipient, error) {
	passphrase, err := p.Secrets.Read(ctx, secret.Source{
		Name: "new passphrase", Variable: "MAILSTRATA_NEW_PASSWORD", Flag: "--new-password",
		File: c.NewPasswordFile, Command: c.NewPasswordCommand, Twice: true,
	})
	if err != nil {
		return nil, err
	}
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, errors.New("the new passphrase is empty")
	}
	if p.ScryptWork > 0 {
		recipient.SetWorkFactor(p.ScryptWork)
	}
	return recipient, nil
}

func (c *keyAddCommand) print(ctx context.Context, p *cli.Program, r *repo.Repo, name string) error {
	slots, err := r.Slots(ctx)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if s.Name != name {
			continue
		}
		if p.JSON {
			return p.PrintJSON(struct {
				keySummary
				KeyFile string `json:"key_file,omitempty"`
			}{summarizeKey(r, s), c.NewKeyFile})
		}
		p.Facts("key", s.ID, "role", string(s.Role), "kind", s.Kind, "label", s.Label, "key file", c.NewKeyFile,
			"fingerprint", r.Fingerprint())
	}
	return nil
}
