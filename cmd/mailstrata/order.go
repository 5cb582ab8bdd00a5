package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/mail"
)

// order is an account that is to be archived, and how: what the command line says, or else the configuration.
type order struct {
	*account
	selection
	flags    imapFlags
	excluded []pattern // what the command line leaves out; a configuration may be for many accounts
	labels   bool

	namespaces []string // beside the user's own
	virtual    bool     // virtual mailboxes too

	shrink loss.Rules
	verify percent.Rate
	budget backup.Budget
	limit  time.Duration

	ready *backup.Account // what source gives, which is connecting already; nil: nothing is
}

// byteCount is a number of bytes; below 0, there is no bound.
type byteCount int64

// UnmarshalText reads "2GB", "500 MiB" or "unlimited".
func (b *byteCount) UnmarshalText(text []byte) error {
	n, err := config.ParseBytes(string(text))
	*b = byteCount(n)
	return err
}

// order is what is to be done with an account.
func (c *backupCommand) order(a *account) *order {
	o := &order{
		account: a, selection: c.selection, flags: c.imapFlags, labels: cmp.Or(c.Gmail, a.configured.Gmail) == "labels",
		limit:  cmp.Or(c.TimeLimit, a.configured.TimeLimit),
		shrink: c.ShrinkLimit, verify: cmp.Or(c.VerifySource, a.configured.VerifySource),
		budget: backup.Budget{
			Day:    cmp.Or(int64(c.BudgetDay), a.configured.Budget.Day),
			Second: cmp.Or(int64(c.BudgetSecond), a.configured.Budget.Second),
		},
	}
	o.virtual, o.namespaces = c.Virtual || a.configured.Virtual, c.Namespace
	if len(o.namespaces) == 0 {
		o.namespaces = a.configured.Namespaces
	}
	o.excluded = o.Exclude
	if len(o.Mailbox) == 0 && len(o.Exclude) == 0 {
		o.Mailbox, o.Exclude = patterns(a.configured.Mailboxes), patterns(a.configured.Exclude)
	}
	if len(o.shrink) == 0 {
		o.shrink = a.configured.ShrinkLimits
	}
	return o
}

func patterns(texts []string) (patterns []pattern) {
	for _, text := range texts {
		patterns = append(patterns, pattern(text))
	}
	return patterns
}

// orders are what the command line asks for, on this host.
func (c *backupCommand) orders(ctx context.Context, p *program) (orders []*order, err error) {
	accounts, err := c.named()
	if len(c.IMAP) == 0 {
		accounts, err = c.configured(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if c.Shard.Has(a.name) {
			orders = append(orders, c.order(a))
		}
	}
	if len(orders) == 0 {
		p.note("none of %s is in the share %s", plural(len(accounts), "account"), c.Shard)
	}
	return orders, nil
}

// named are the accounts that the command line names by their URLs.
func (c *backupCommand) named() ([]*account, error) {
	var accounts []*account
	for i, url := range c.IMAP {
		a, err := parseAccount(url)
		if err != nil {
			return nil, err
		}
		if i < len(c.Name) {
			a.name = c.Name[i]
		}
		if slices.ContainsFunc(accounts, func(other *account) bool { return other.name == a.name }) {
			return nil, &usageError{text: "two accounts are called " + quoted(a.name), hint: "tell them apart by --name"}
		}
		accounts = append(accounts, a)
	}
	return c.only(accounts, "no --imap names an account ")
}

// configured are the accounts of the configuration.
func (c *backupCommand) configured(ctx context.Context, p *program) ([]*account, error) {
	configured, err := p.config()
	if err != nil {
		return nil, err
	}
	accounts := make([]*account, len(configured.Accounts))
	for i := range accounts {
		if accounts[i], err = accountOf(&configured.Accounts[i]); err != nil {
			return nil, err
		}
	}
	if len(accounts) == 0 {
		return c.known(ctx, p)
	}
	return c.only(accounts, "the configuration has no account ")
}

// only are those of the accounts that the arguments name; without any, all.
func (c *backupCommand) only(accounts []*account, otherwise string) ([]*account, error) {
	if len(c.Account) == 0 {
		return accounts, nil
	}
	byName := make(map[string]*account, len(accounts))
	var names []string
	for _, a := range accounts {
		byName[a.name] = a
		names = append(names, a.name)
	}
	var chosen []*account
	for _, wanted := range c.Account {
		a, ok := byName[wanted]
		if !ok {
			return nil, &usageError{text: otherwise + quoted(wanted), hint: unknownAccount(wanted, names)}
		}
		if !slices.Contains(chosen, a) {
			chosen = append(chosen, a)
		}
	}
	return chosen, nil
}

// namesTold is how many accounts a hint lists.
const namesTold = 10

func unknownAccount(wanted string, names []string) string {
	if near := nearest(wanted, names); near != "" {
		return "did you mean " + quoted(near) + "?"
	}
	if len(names) > namesTold {
		names = append(slices.Clone(names[:namesTold]), "…")
	}
	return "there are " + safe(strings.Join(names, ", "))
}

// source is the account as archive reads it, with its secret.
func (o *order) source(ctx context.Context, p *program) (backup.Account, error) {
	if o.ready != nil {
		return *o.ready, nil
	}
	a, err := o.unlocked(ctx, p)
	if err != nil {
		return backup.Account{}, err
	}
	return o.reads(imap.NewSource(a.opts), p), nil
}

// connect begins to connect, for the time in which the repository is opened: where the password is at hand, so that nobody is
// asked for it, no command run and no token taken, before the repository is there for which they are wanted. What is wrong will
// be told when the account's turn comes.
func (o *order) connect(ctx context.Context, p *program) {
	if !o.passwordAtHand(p) {
		return
	}
	a, err := o.unlocked(ctx, p)
	if err != nil || a.opts.Token != nil {
		return
	}
	source := imap.NewSource(a.opts)
	source.Connect(ctx)
	ready := o.reads(source, p)
	o.ready = &ready
}

// disconnect ends what connect began.
func (o *order) disconnect() {
	if o.ready != nil {
		_ = o.ready.Source.Close()
		o.ready = nil
	}
}

// passwordAtHand reports whether the account's password stands in a variable or a file.
func (o *order) passwordAtHand(p *program) bool {
	flags, kept := &o.flags, &o.configured.Secret
	if flags.PasswordCommand != "" || flags.TokenCommand != "" {
		return false
	}
	if flags.PasswordFile != "" {
		return true
	}
	if kept.Command != "" || kept.Keyring != "" || o.configured.Token != "" || o.configured.Provider != "" {
		return false
	}
	return kept.File != "" || kept.Credential != "" || p.getenv(cmp.Or(kept.Variable, "MAILSTRATA_IMAP_PASSWORD")) != ""
}

// unlocked is a copy of the account with its secret: what it takes to connect is not kept beyond.
func (o *order) unlocked(ctx context.Context, p *program) (*account, error) {
	a := *o.account
	if err := p.unlock(ctx, &a, &o.flags); err != nil {
		return nil, err
	}
	a.opts.Labels, a.opts.Namespaces, a.opts.Virtual = o.labels, o.namespaces, o.virtual
	return &a, nil
}

// reads is the account as archive reads it from a source.
func (o *order) reads(source *imap.Source, p *program) backup.Account {
	return backup.Account{
		Name: o.name, URL: o.url, VerifySource: o.verify, Budget: o.budget, TimeLimit: o.limit,
		Source:      &selected{Source: source, account: o.name, patterns: o.Mailbox, excluded: o.excluded, program: p},
		Select:      func(m mail.Mailbox) bool { return o.wants(&m) },
		ShrinkLimit: func(m *mail.Mailbox) loss.Limit { return shrinkLimit(o.shrink, m) },
	}
}

// shrinkLimit finds the limit of a mailbox, or of nil, which is the account as a whole.
func shrinkLimit(rules loss.Rules, m *mail.Mailbox) loss.Limit {
	return rules.Limit(m, func(name string, m *mail.Mailbox) bool { return pattern(name).matches(m) })
}
