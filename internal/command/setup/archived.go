package setup

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// archived is an account of a repository.
type archived struct {
	account string // its name there
	source  string // its URL, without secrets
}

// archivedIn returns the accounts that a repository has backups of.
func archivedIn(ctx context.Context, r *repo.Repo) (accounts []archived, err error) {
	newest, err := archive.Latest(ctx, r)
	for _, contents := range newest {
		accounts = append(accounts, archived{contents.Manifest.Account, contents.Manifest.Source})
	}
	return accounts, err
}

// keepName gives an account the name under which the repository has it already. Otherwise its
// history would begin again beside the old one.
func (d *dialog) keepName(a *account, has []archived) {
	same := func(other archived) bool { return sameLogin(a.url, other.source) }
	if slices.ContainsFunc(has, func(other archived) bool { return other.account == a.name }) ||
		!slices.ContainsFunc(has, same) {
		return
	}
	a.name = has[slices.IndexFunc(has, same)].account
	d.Paragraph("The archive has this account as " + ui.Safe(a.name) + ": it continues under that name.")
}

// sameLogin reports whether the URLs of two accounts have the same user of the same server, with or
// without TLS.
func sameLogin(one, other string) bool {
	a, err := imap.ParseURL(one)
	b, errOther := imap.ParseURL(other)
	if err != nil || errOther != nil || a.User != b.User || !strings.EqualFold(a.Host, b.Host) {
		return false
	}
	usual := func(port int) bool { return port == 0 || port == 143 || port == 993 }
	return a.Port == b.Port || usual(a.Port) && usual(b.Port)
}
