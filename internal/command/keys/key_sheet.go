package keys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

type keySheetCommand struct {
	File string `arg:"" optional:"" type:"path" help:"Where to write it: a new file. One that ends in .html is a page for a browser, any other is text. Default: print it as text."`
}

func (*keySheetCommand) Help() string {
	return `Makes a page to print by which somebody who knows nothing of mailstrata gets the mail back: it has the key file's key, as text and as a QR code, where the archive is, and what to type. Of a repository that a passphrase opens, it has a line to write that on.

Keep the paper away from the computer and from the archive: anybody who has both can read the mail. Delete the file after printing. A writer's key opens no mail, so there is no sheet of it.

EXAMPLES

    mailstrata key sheet ~/sheet.html
    mailstrata key sheet | lpr

` + cli.ExitStatus
}

func (c *keySheetCommand) Run(ctx context.Context, p *cli.Program) error {
	l, err := p.Location("")
	if err != nil {
		return err
	}
	r, err := l.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case !r.Sealed():
		return errors.New("this repository is not encrypted, so it has no key")
	case !r.CanRead():
		return &hint.Error{
			Text: "this key is a writer's, and opens no mail",
			Hint: "name an owner's key with --key-file, or a passphrase with --password-file",
		}
	}
	newest, err := archive.Latest(ctx, r)
	if err != nil {
		return err
	}
	var accounts []string
	for _, contents := range newest {
		accounts = append(accounts, contents.Manifest.Account)
	}
	slices.Sort(accounts)
	s, err := l.Sheet(r.Fingerprint(), accounts)
	if err != nil {
		return err
	}
	write := s.Text
	if strings.EqualFold(filepath.Ext(c.File), ".html") {
		write = s.HTML
	}
	text, err := write()
	if err != nil {
		return err
	}
	if c.File == "" {
		p.Page()
		p.Printf("%s", strings.TrimRight(text, "\n"))
	} else if err := secret.WriteNew(c.File, text); errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists; mailstrata does not replace it", c.File)
	} else if err != nil {
		return err
	}
	p.RecordCopy(r)
	if c.File != "" {
		p.Note("Wrote %s. Print it, keep the paper away from this computer, and delete the file.", ui.Safe(c.File))
	}
	return nil
}
