package named

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Accounts returns the names of all accounts of a repository.
func Accounts(ctx context.Context, r *repo.Repo) (accounts []string) {
	for s, err := range archive.Manifests(ctx, r) {
		if err == nil && !slices.Contains(accounts, s.Manifest.Account) {
			accounts = append(accounts, s.Manifest.Account)
		}
	}
	return accounts
}

// NoAccount returns an error for an unknown account, with the existing ones as a hint.
func NoAccount(name string, accounts []string) error {
	return &hint.Error{
		Text: "there is no account " + ui.Quote(name),
		Hint: cmp.Or(ui.DidYouMean(name, accounts), ui.Safe(nameAccounts(accounts))),
	}
}

// MaxAccounts is the number of accounts that a hint names.
const MaxAccounts = 12

// nameAccounts returns the names of accounts, or the first ones and the number of the rest.
func nameAccounts(accounts []string) string {
	if more := len(accounts) - MaxAccounts; more > 1 {
		return fmt.Sprintf("the accounts are %s and %s more",
			strings.Join(accounts[:MaxAccounts], ", "), ui.Count(int64(more)))
	}
	return "the accounts are " + strings.Join(accounts, ", ")
}
