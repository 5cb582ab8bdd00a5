package job

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/jmap/jmapsource"
	"github.com/mailstrata/mailstrata/mail"
)

// Flags are the flags that say which accounts to back up, and how.
type Flags struct {
	Account []string `arg:"" optional:"" help:"Only these accounts of the configuration, or of --imap."`

	IMAP                []string `group:"account" name:"imap" sep:"none" placeholder:"URL" help:"Account: imaps://user@host[:port], or imap:// for STARTTLS (repeatable)."`
	From                []string `group:"account" sep:"none" placeholder:"SOURCE" help:"Account in files: maildir:PATH, mbox:PATH or eml:PATH, which needs a --name; or over JMAP: jmap:https://user@host (repeatable)."`
	Name                []string `group:"account" aliases:"account" sep:"none" placeholder:"NAME" help:"Name of the account of the --imap at the same position, and then of the --from. Default: user@host."`
	Gmail               string   `group:"account" enum:",all-mail,labels" default:"" placeholder:"MODE" help:"What to read of a Gmail account: all-mail (All Mail, Spam and Trash, each message once, with its labels; default) or labels (each label as a mailbox)."`
	Namespace           []string `group:"selection" sep:"none" placeholder:"NAME" help:"Also mailboxes of others: shared, other (those of other users), or the prefix of a namespace, such as Public/ (repeatable)."`
	Virtual             bool     `group:"selection" help:"Also virtual mailboxes, which show messages of other mailboxes (Dovecot)."`
	Properties          bool     `group:"selection" help:"Ask now for the access rights and annotations of all mailboxes. Otherwise a run asks once a week, and for new mailboxes."`
	access.AccountFlags `embed:""`
	Selection           `embed:""`

	Shard config.Shard `group:"account" placeholder:"N/OF" help:"Only this host's share of all accounts: 2/8 is the second of eight, and @1/8 is the same counted from 0. An account's name decides its share."`

	BudgetDay    byteCount     `group:"account" placeholder:"SIZE" help:"How much to download of an account in a day, such as 2GB. Default: unlimited (Gmail: 2GB)."`
	TimeLimit    time.Duration `group:"account" placeholder:"DURATION" help:"How long reading one account may take (48h). After that the account has failed; the next run continues with what was read."`
	BudgetSecond byteCount     `group:"account" placeholder:"SIZE" help:"How much to download of an account in a second, such as 1MB."`

	VerifySource percent.Rate `group:"checks" placeholder:"SHARE" help:"Download this share of the archived messages again, such as 1%, and compare them. Each day it is another share."`
	ShrinkLimit  []loss.Rule  `group:"checks" sep:"none" placeholder:"LIMIT" help:"How many of its messages a mailbox or an account may lose without an alarm: 20%; 20%,50 for at least fifty; off. NAME=LIMIT sets it for one mailbox (repeatable)."`
}

// Job is an account to back up, with the settings of the command line, or else of the
// configuration.
type Job struct {
	*access.Account
	Selection
	flags    access.AccountFlags
	excluded []Pattern // by the command line: a configuration may exclude mailboxes of many accounts
	labels   bool

	namespaces []string // beside the personal ones
	virtual    bool     // include virtual mailboxes

	shrink    loss.Rules
	verify    percent.Rate
	budget    backup.Budget
	timeLimit time.Duration

	propertiesNow bool // ask for access rights and annotations in this run

	connected *backup.Account // set by Connect; else nil
}

// byteCount is a number of bytes; negative means unlimited.
type byteCount int64

// UnmarshalText reads "2GB", "500 MiB" or "unlimited".
func (b *byteCount) UnmarshalText(text []byte) error {
	n, err := config.ParseBytes(string(text))
	*b = byteCount(n)
	return err
}

// job returns the job of an account.
func (f *Flags) job(a *access.Account) *Job {
	o := &Job{
		Account: a, Selection: f.Selection, flags: f.AccountFlags, labels: cmp.Or(f.Gmail, a.Configured.Gmail) == "labels",
		timeLimit: cmp.Or(f.TimeLimit, a.Configured.TimeLimit),
		shrink:    f.ShrinkLimit, verify: cmp.Or(f.VerifySource, a.Configured.VerifySource),
		budget: backup.Budget{
			Day:    cmp.Or(int64(f.BudgetDay), a.Configured.Budget.Day),
			Second: cmp.Or(int64(f.BudgetSecond), a.Configured.Budget.Second),
		},
		propertiesNow: f.Properties,
	}
	o.virtual, o.namespaces = f.Virtual || a.Configured.Virtual, f.Namespace
	if len(o.namespaces) == 0 {
		o.namespaces = a.Configured.Namespaces
	}
	o.excluded = o.Exclude
	if len(o.Mailbox) == 0 && len(o.Exclude) == 0 {
		o.Mailbox, o.Exclude = patterns(a.Configured.Mailboxes), patterns(a.Configured.Exclude)
	}
	if len(o.shrink) == 0 {
		o.shrink = a.Configured.ShrinkLimits
	}
	return o
}

func patterns(texts []string) (patterns []Pattern) {
	for _, text := range texts {
		patterns = append(patterns, Pattern(text))
	}
	return patterns
}

// Source returns the account for package backup, with its secret. If the secret of the mail is
// missing, the mail cannot be read, and the rest of the account can.
func (j *Job) Source(ctx context.Context, h *access.Host) (backup.Account, error) {
	account, unread := j.mailSource(ctx, h)
	targets := h.Items(j.Account, &j.flags)
	switch {
	case unread != nil && (len(targets) == 0 || ctx.Err() != nil):
		return account, unread
	case unread != nil:
		account = j.backupAccount(source.Failing(unread), h)
	}
	for _, from := range targets {
		account.Items = append(account.Items, from)
	}
	return account, nil
}

// mailSource returns the account with its mail.
func (j *Job) mailSource(ctx context.Context, h *access.Host) (backup.Account, error) {
	if j.connected != nil {
		return *j.connected, nil
	}
	if !j.Files.IsZero() {
		files := filesSource(j.Files)
		account := j.backupAccount(files, h)
		account.Continue = files.Continue
		return account, nil
	}
	a, err := j.authenticated(ctx, h)
	if err != nil {
		return backup.Account{}, err
	}
	if !a.JMAP.IsZero() {
		source := jmapsource.New(jmap.NewClient(a.JMAPOptions()), jmapsource.Options{
			Mailboxes: j.labels, Wants: func(m mail.Mailbox) bool { return j.Wants(&m) },
		})
		account := j.backupAccount(source, h)
		account.Continue = source.Continue
		return account, nil
	}
	return j.imapAccount(imapsource.NewSource(a.Options), h), nil
}

// Connect begins to connect while the repository is being opened. It does so only if the password
// is at hand: no question, no command and no token may come before the repository is open. Source
// reports errors later.
func (j *Job) Connect(ctx context.Context, h *access.Host) {
	if !j.Files.IsZero() || !j.JMAP.IsZero() || !j.passwordAtHand(h) {
		return
	}
	a, err := j.authenticated(ctx, h)
	if err != nil || a.Options.Token != nil {
		return
	}
	source := imapsource.NewSource(a.Options)
	source.Connect(ctx)
	ready := j.imapAccount(source, h)
	j.connected = &ready
}

// Disconnect ends what Connect began.
func (j *Job) Disconnect() {
	if j.connected != nil {
		_ = j.connected.Source.Close()
		j.connected = nil
	}
}

// passwordAtHand reports whether the account's password is in a variable or a file.
func (j *Job) passwordAtHand(h *access.Host) bool {
	flags, kept := &j.flags, &j.Configured.Secret
	if flags.PasswordCommand != "" || flags.TokenCommand != "" {
		return false
	}
	if flags.PasswordFile != "" {
		return true
	}
	if kept.Command != "" || kept.Keyring != "" || j.Configured.Token != "" || j.Configured.Provider != "" {
		return false
	}
	return kept.File != "" || kept.Credential != "" || h.Getenv(cmp.Or(kept.Variable, "MAILSTRATA_IMAP_PASSWORD")) != ""
}

// authenticated returns a copy of the account with its secret. The job itself never holds the
// secret.
func (j *Job) authenticated(ctx context.Context, h *access.Host) (*access.Account, error) {
	a := *j.Account
	if err := h.UnlockAccount(ctx, &a, &j.flags); err != nil {
		return nil, err
	}
	a.Options.Labels, a.Options.Namespaces, a.Options.Virtual = j.labels, j.namespaces, j.virtual
	return &a, nil
}

// imapAccount returns the account for package backup, read from an IMAP server.
func (j *Job) imapAccount(from *imapsource.Source, h *access.Host) backup.Account {
	account := j.backupAccount(from, h)
	account.Properties, account.PropertiesNow = from, j.propertiesNow
	return account
}

// backupAccount returns the account for package backup, read from a source.
func (j *Job) backupAccount(from source.Source, h *access.Host) backup.Account {
	return backup.Account{
		Name: j.Name, URL: j.URL, VerifySource: j.verify, Budget: j.budget, TimeLimit: j.timeLimit,
		Source: &checkedSource{
			Source: from, job: j, account: j.Name, patterns: j.Mailbox, excluded: j.excluded, host: h,
		},
		Select:      func(m mail.Mailbox) bool { return j.Wants(&m) },
		ShrinkLimit: func(m *mail.Mailbox) loss.Limit { return shrinkLimit(j.shrink, m) },
	}
}

// Group holds the jobs for one repository.
type Group struct {
	Repository string // as --repo takes it; "": the default
	Jobs       []*Job
}

// Groups groups jobs by repository, in the order of the first job of each. repository overrides
// those of the configuration.
func Groups(jobs []*Job, repository string) (groups []*Group) {
	for _, o := range jobs {
		name := cmp.Or(repository, o.Configured.Repository)
		i := slices.IndexFunc(groups, func(g *Group) bool { return g.Repository == name })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &Group{Repository: name})
		}
		groups[i].Jobs = append(groups[i].Jobs, o)
	}
	return groups
}

// checkedSource is a source that checks --mailbox and --exclude. It warns of a mailbox that the
// account does not have. If no mailbox is left, it returns an error: an empty manifest would look
// like a lost account.
type checkedSource struct {
	source.Source
	job      *Job
	account  string
	patterns []Pattern
	excluded []Pattern // by the command line
	host     *access.Host
	warned   sync.Once
}

// Server is the first to log in.
func (s *checkedSource) Server(ctx context.Context) (mail.Server, error) {
	server, err := s.Source.Server(ctx)
	return server, s.job.AdviseLogin(&s.job.flags, err)
}

func (s *checkedSource) Survey(ctx context.Context) (*mail.Survey, error) {
	survey, err := s.Source.Survey(ctx)
	if err != nil {
		return nil, s.job.AdviseLogin(&s.job.flags, err)
	}
	left, excluded := s.patterns, s.excluded
	var names []string
	for i := range survey.Mailboxes {
		if m := &survey.Mailboxes[i]; m.Skip == mail.NotSkipped {
			left, excluded = Without(left, m), Without(excluded, m)
			names = append(names, m.Name)
		}
	}
	if len(left) > 0 && len(left) == len(s.patterns) {
		if m := skippedBy(left[0], survey); m != nil {
			return nil, &hint.Error{Text: notArchived(m), Hint: howArchived(m), Err: mail.ErrNoMailbox}
		}
		return nil, NoMailbox("the account", string(left[0]), names, "")
	}
	s.warned.Do(func() {
		for _, p := range left {
			if m := skippedBy(p, survey); m != nil {
				s.host.Output.Warn("%s: %s: %s", ui.Safe(s.account), notArchived(m), howArchived(m))
			} else {
				s.host.Output.Warn("%s has no mailbox %s", ui.Safe(s.account), ui.Quote(string(p)))
			}
		}
		for _, p := range excluded {
			s.host.Output.Warn("--exclude %s: %s has no such mailbox", ui.Quote(string(p)), ui.Safe(s.account))
		}
	})
	return survey, nil
}

// skippedBy returns a mailbox that matches a pattern and is not archived by default, or nil.
func skippedBy(p Pattern, survey *mail.Survey) *mail.Mailbox {
	for i := range survey.Mailboxes {
		if m := &survey.Mailboxes[i]; m.Skip != mail.NotSkipped && m.Selectable() && p.Matches(m) {
			return m
		}
	}
	return nil
}

func notArchived(m *mail.Mailbox) string {
	if m.Skip == mail.SkipVirtual {
		return "mailbox " + ui.Quote(m.Name) + " is virtual: it shows messages of other mailboxes"
	}
	return "mailbox " + ui.Quote(m.Name) + " is in a namespace of other users, and needs --namespace"
}

func howArchived(m *mail.Mailbox) string {
	if m.Skip == mail.SkipVirtual {
		return "--virtual archives it"
	}
	return "--namespace shared, --namespace other, or --namespace " + ui.Quote(m.Path()[0]+m.Delimiter)
}
