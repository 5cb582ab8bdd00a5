package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/repo"
)

// Jobs returns the accounts to back up on this host.
func (f *Flags) Jobs(ctx context.Context, h *access.Host) (jobs []*Job, err error) {
	accounts, err := f.named(h)
	if len(f.IMAP)+len(f.From) == 0 {
		accounts, err = f.configured(ctx, h)
	}
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if f.Shard.Has(a.Name) {
			jobs = append(jobs, f.job(a))
		}
	}
	if len(jobs) == 0 {
		h.Output.Note("none of %s is in the share %s", ui.Plural(len(accounts), "account"), f.Shard)
	}
	return jobs, nil
}

// named returns the accounts of --imap and of --from.
func (f *Flags) named(h *access.Host) ([]*access.Account, error) {
	var accounts []*access.Account
	for i, url := range slices.Concat(f.IMAP, f.From) {
		if i >= len(f.IMAP) {
			var err error
			if url, err = from(h, url); err != nil {
				return nil, err
			}
		}
		a, err := access.ParseAccount(url)
		if err != nil {
			return nil, err
		}
		if i < len(f.Name) {
			a.Name = f.Name[i]
		} else if i >= len(f.IMAP) && a.JMAP.IsZero() {
			return nil, &hint.Usage{
				Text: "the account of --from " + ui.Safe(url) + " has no name",
				Hint: "--name anna@mail.example gives it one, under which its history is kept",
			}
		}
		if slices.ContainsFunc(accounts, func(other *access.Account) bool { return other.Name == a.Name }) {
			return nil, &hint.Usage{
				Text: "two accounts are called " + ui.Quote(a.Name),
				Hint: "give them different names with --name",
			}
		}
		accounts = append(accounts, a)
	}
	if len(f.From) > 0 {
		return f.only(accounts, "neither --imap nor --from names an account ")
	}
	return f.only(accounts, "no --imap names an account ")
}

// from returns the value of --from: the URL of an account over JMAP, or files with their path
// expanded.
func from(h *access.Host, text string) (string, error) {
	if jmap.IsURL(text) {
		return text, nil
	}
	files, ok := config.ParseFiles(text)
	if !ok {
		wrong := &hint.Usage{Text: "--from: unknown files " + ui.Quote(text),
			Hint: "use maildir:PATH, mbox:PATH, eml:PATH or jmap:https://user@host; --imap is for IMAP servers"}
		return "", wrong
	}
	path, err := h.Expand(files.Path)
	files.Path = path
	return files.String(), err
}

// configured returns the accounts of the configuration, or else those of the repository.
func (f *Flags) configured(ctx context.Context, h *access.Host) ([]*access.Account, error) {
	configured, err := h.Config()
	if err != nil {
		return nil, err
	}
	accounts := make([]*access.Account, len(configured.Accounts))
	for i := range accounts {
		if accounts[i], err = access.AccountOf(&configured.Accounts[i]); err != nil {
			return nil, err
		}
	}
	if len(accounts) == 0 && len(f.Account) == 0 && configured.File != "" && configured.File != os.DevNull {
		// The repository may hold an account that the user has just removed from the configuration.
		return nil, &hint.Usage{
			Text: "the configuration " + ui.Safe(configured.File) + " has no account: nothing is backed up",
			Hint: "mailstrata account add adds one; mailstrata backup NAME archives an account that the repository has",
		}
	}
	if len(accounts) == 0 {
		return f.known(ctx, h)
	}
	return f.only(accounts, "the configuration has no account ")
}

// only returns the accounts that the arguments name, or all accounts without arguments.
func (f *Flags) only(accounts []*access.Account, otherwise string) ([]*access.Account, error) {
	if len(f.Account) == 0 {
		return accounts, nil
	}
	byName := make(map[string]*access.Account, len(accounts))
	var names []string
	for _, a := range accounts {
		byName[a.Name] = a
		names = append(names, a.Name)
	}
	var chosen []*access.Account
	for _, wanted := range f.Account {
		a, ok := byName[wanted]
		if !ok {
			return nil, &hint.Usage{Text: otherwise + ui.Quote(wanted), Hint: unknownAccount(wanted, names)}
		}
		if !slices.Contains(chosen, a) {
			chosen = append(chosen, a)
		}
	}
	return chosen, nil
}

// maxNames is the number of accounts that a hint lists.
const maxNames = 10

func unknownAccount(wanted string, names []string) string {
	if near := ui.DidYouMean(wanted, names); near != "" {
		return near
	}
	if strings.ContainsAny(wanted, `/\`) { // no name of an account
		return "use " + meant(wanted)
	}
	if len(names) > maxNames {
		names = append(slices.Clone(names[:maxNames]), "…")
	}
	return "there are " + ui.Safe(strings.Join(names, ", "))
}

// meant returns the flag that names what an argument may be: a login, or files.
func meant(argument string) string {
	_, host, isLogin := strings.Cut(argument, "@")
	switch {
	case isLogin && strings.HasPrefix(argument, "imap://") && !strings.Contains(host, ":") && host != "localhost" &&
		net.ParseIP(host) == nil:
		return "--imap imaps://" + ui.ShellWord(strings.TrimPrefix(argument, "imap://")) // without encryption it would be refused
	case strings.Contains(argument, "://"):
		return "--imap " + ui.ShellWord(argument)
	case isLogin && host != "":
		return "--imap imaps://" + ui.ShellWord(argument)
	case strings.ContainsAny(argument, `/\`):
		return "--from maildir:" + ui.ShellWord(argument)
	}
	return "--imap imaps://user@host"
}

// known returns the accounts that the repository holds, by the URLs of their newest manifests, so
// that a second backup needs no URL.
func (f *Flags) known(ctx context.Context, h *access.Host) ([]*access.Account, error) {
	nothing := &hint.Usage{
		Text: "no account is named, and none is configured",
		Hint: "use --imap imaps://user@host, or see docs/config.md",
	}
	if len(f.Account) > 0 {
		nothing.Text = "the configuration has no account " + ui.Quote(f.Account[0])
		nothing.Hint = "use " + meant(f.Account[0]) + ", or see docs/config.md"
	}
	r, err := h.Open(ctx)
	if errors.Is(err, repo.ErrNoRepository) {
		return nil, nothing
	}
	if err != nil {
		return nil, fmt.Errorf("look for accounts in the repository, because none is named: %w", err)
	}
	defer r.Close()
	newest, err := archive.Latest(ctx, r)
	if err != nil {
		return nil, err
	}
	var accounts []*access.Account
	for _, contents := range newest {
		a, err := access.ParseAccount(contents.Manifest.Source)
		if err != nil {
			continue
		}
		a.Name = contents.Manifest.Account
		accounts = append(accounts, a)
	}
	slices.SortFunc(accounts, func(a, b *access.Account) int { return cmp.Compare(a.Name, b.Name) })
	switch {
	case len(accounts) == 0:
		return nil, nothing
	case len(accounts) > 1 && len(f.Account) == 0:
		nothing.Hint = "name the accounts: mailstrata backup " + ui.ShellWord(accounts[0].Name) + " …; mailstrata list --latest shows all"
		return nil, nothing
	case len(f.Account) == 0:
		h.Output.Note("note: archiving %s (%s), the only account of this repository",
			ui.Safe(accounts[0].Name), ui.Safe(accounts[0].URL))
	}
	return f.only(accounts, "neither the configuration nor the repository has an account ")
}
