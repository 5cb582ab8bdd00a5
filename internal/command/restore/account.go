package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// open opens the manifest. If the user names none, and the repository has several accounts, it is
// the newest of the account that --to names.
func (c *Command) open(ctx context.Context, p *cli.Program, r *repo.Repo, isDefault bool) (*archive.Contents, error) {
	contents, err := named.Manifest(ctx, p.Output, r, c.Manifest)
	if !isDefault || !errors.Is(err, history.ErrAmbiguous) {
		return contents, err
	}
	accounts := named.Accounts(ctx, r)
	slices.Sort(accounts)
	if account := c.accountOfTarget(p); slices.Contains(accounts, account) {
		c.Manifest = account + "@latest"
		p.Note("of the accounts in the repository, this is %s, as --to names it", ui.Safe(account))
		return named.Manifest(ctx, p.Output, r, c.Manifest)
	}
	return nil, &hint.Error{
		Text: "the repository has several accounts, and none is named",
		Hint: fmt.Sprintf("name one before the conditions: mailstrata restore %s …; the accounts are %s",
			ui.ShellWord(accounts[0]+"@latest"),
			ui.Safe(strings.Join(accounts[:min(len(accounts), named.MaxAccounts)], ", "))),
		Err: err,
	}
}

// accountOfTarget returns the name that the account of --to has in an archive, or "".
func (c *Command) accountOfTarget(p *cli.Program) string {
	if account, err := p.ConfiguredAccount(c.To); err == nil && account != nil {
		return account.Name
	}
	if account, err := p.AccountAt(c.To); err == nil {
		return account.Name
	}
	return ""
}
