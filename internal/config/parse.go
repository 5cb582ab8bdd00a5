package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/pelletier/go-toml/v2"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/internal/plaintext"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/s3"
	"github.com/mailstrata/mailstrata/sftp"
)

// parser is a file being read.
type parser struct {
	file, home string
	lines      *lines
	entries    map[string]string // of the keyring, and the table that each belongs to
	users      Users
	problems   Problems
}

// Parse parses the text of the file at a path, and lists the users of templates. Errors are
// [Problems]; it returns the rest of the configuration too.
func Parse(file, home string, text []byte, users Users) (*Config, error) {
	p := &parser{file: file, home: home, entries: make(map[string]string), users: users}
	text, err := plaintext.Decode(text)
	if err != nil {
		return nil, Problems{{File: file, Text: err.Error()}}
	}
	values := make(map[string]any)
	if err := toml.Unmarshal(text, &values); err != nil {
		return nil, Problems{p.syntax(err)}
	}
	p.lines = findLines(text)
	root := &table{parser: p, values: values}
	c := &Config{File: file, Parallel: root.number("parallel_accounts", MaxParallel)}
	parsed(root, "cache_size", &c.CacheSize, ParseCacheSize)
	c.Ended = root.texts("ended_accounts")
	repositories := root.tables("repositories")
	for _, t := range repositories {
		c.Repositories = append(c.Repositories, t.repository(c))
	}
	c.checkCopies(repositories)
	for _, t := range root.tables("oauth2_providers") {
		c.Providers = append(c.Providers, t.provider(c))
	}
	for i, t := range root.tables("accounts") {
		for _, a := range t.accounts(c) {
			if a.Table = i; t.has("users_file") || t.has("users_command") {
				a.Table = -1
			}
			c.Accounts = append(c.Accounts, a)
		}
	}
	c.dropTemplates()
	if t := root.table("retention"); t != nil {
		c.Retention = t.retention()
	}
	if t := root.table("run"); t != nil {
		c.Run = t.run(c)
	}
	if t := root.table("watch"); t != nil {
		c.Watch = t.watches()
	}
	root.end()
	if len(p.problems) == 0 {
		return c, nil
	}
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return c, p.problems
}

// MaxParallel is the maximum number of accounts read at once.
const MaxParallel = 16

// syntax returns the error of the TOML parser, whose text repeats nothing of the file but a key.
func (p *parser) syntax(err error) Problem {
	problem := Problem{File: p.file, Text: plainSyntax(strings.TrimPrefix(err.Error(), "toml: "))}
	if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
		problem.Line, problem.Column = decode.Position()
		problem.Key = strings.Join(decode.Key(), ".")
	}
	return problem
}

// plainSyntax says the commonest errors of the TOML parser in words that need no knowledge of TOML.
func plainSyntax(text string) string {
	switch {
	case strings.HasSuffix(text, " at start of value"), strings.HasPrefix(text, "expected keyword "),
		text == "strings must be quoted":
		return "a value is expected here: text is in quotes"
	case strings.HasSuffix(text, "strings cannot have new lines"):
		return "the line ends before the closing quote"
	}
	return text
}

func (t *table) repository(c *Config) Repository {
	r := Repository{
		Name: t.text("name"), KeyFile: t.file("key_file"), Secret: t.secret("secret"), Trust: t.text("trust"),
		CAFile: t.file("ca_file"), AllowPlaintext: t.flag("insecure_plaintext"),
		Index: t.flag("index"), SSHCommand: t.text("ssh_command"),
		KeeperKeyFile: t.file("keeper_key_file"), AllowKeeperBeside: t.flag("insecure_keeper_key_beside"), CopyTo: t.text("copy_to"),
		CredentialsFile: t.file("credentials_file"),
	}
	r.Place = t.place()
	t.template(&r)
	if r.CredentialsFile != "" && !strings.HasPrefix(r.Place, "s3:") {
		t.wrong("credentials_file", "is only for buckets")
	}
	if !t.has("place") {
		t.wrong("", `a repository has a place: place = "/srv/mail", or place = "s3:https://s3.example/mail"`)
	}
	for _, other := range c.Repositories {
		switch {
		case other.Name == r.Name && r.Name == "":
			t.wrong("", "each of several repositories needs a name")
		case other.Name == r.Name:
			t.wrong("name", "%q is the name of another repository too", r.Name)
		}
	}
	t.end()
	return r
}

// place returns the place of a repository. That of a template is checked for each user.
func (t *table) place() string {
	text := t.text("place")
	if text == "" || strings.Contains(text, userMark) {
		return text
	}
	place, err := t.parser.checkPlace(text)
	if err != nil {
		t.wrong("place", "%v", err)
	}
	return place
}

// checkPlace returns a place of the file, as --repo takes it.
func (p *parser) checkPlace(text string) (string, error) {
	switch {
	case strings.HasPrefix(text, "s3:"):
		if _, err := s3.ParseURL(text); err != nil {
			return text, fmt.Errorf("is not the URL of a bucket: %w", err)
		}
		return text, nil
	case strings.HasPrefix(text, "sftp:"):
		if _, err := sftp.ParseLocation(text); err != nil {
			return text, fmt.Errorf("is not a directory of another host: %w", err)
		}
		return text, nil
	}
	if err := CheckDirectory(text); err != nil {
		return text, err
	}
	return p.resolve(text), nil
}

// account returns an account of the file, which may be a template.
func (t *table) account(c *Config) Account {
	a := Account{
		Name: t.text("name"), URL: t.text("url"), Repository: t.text("repository"),
		Secret: t.secret("secret"), Token: t.text("oauth2_token_command"), Provider: t.text("oauth2_provider"),
		Mailboxes: t.texts("mailboxes"), Exclude: t.texts("exclude"), Namespaces: t.texts("namespaces"), Virtual: t.flag("virtual"), Gmail: t.choice("gmail", "all-mail", "labels"),
		Connections: t.number("connections", 100), Compress: t.flag("compress"),
		CAFile: t.file("ca_file"), AllowPlaintext: t.flag("insecure_plaintext"), OldTLS: t.flag("insecure_old_tls"),
	}
	t.items(&a)
	for _, text := range t.texts("shrink_limits") {
		rule, err := loss.ParseRule(text)
		if err != nil {
			t.wrong("shrink_limits", "%v", err)
		}
		a.ShrinkLimits = append(a.ShrinkLimits, rule)
	}
	parsed(t, "verify_source", &a.VerifySource, percent.Parse)
	parsed(t, "budget_day", &a.Budget.Day, ParseBytes)
	parsed(t, "budget_second", &a.Budget.Second, ParseBytes)
	parsed(t, "time_limit", &a.TimeLimit, func(text string) (time.Duration, error) {
		limit, err := time.ParseDuration(text)
		if err != nil || limit <= 0 {
			err = fmt.Errorf("is %q; it should be a time such as \"12h\" or \"90m\"", text)
		}
		return limit, err
	})
	if a.Repository != "" && c.Repository(a.Repository) == nil {
		t.unknown("repository", c.names(), "there is no repository %q in this file", a.Repository)
	}
	if a.Token != "" && !a.Secret.IsZero() {
		t.wrong("oauth2_token_command", "excludes a password")
	}
	if a.Provider != "" && (a.Token != "" || !a.Secret.IsZero()) {
		t.wrong("oauth2_provider", "excludes a password and oauth2_token_command")
	}
	if a.Provider != "" && c.Provider(a.Provider) == nil {
		t.unknown("oauth2_provider", c.ProviderNames(), "there is no provider %q in this file", a.Provider)
	}
	if !t.has("url") {
		t.wrong("", `an account has a url: url = "imaps://user@host"`)
	}
	return a
}

// accounts returns the account of a table, or those of its template.
func (t *table) accounts(c *Config) []Account {
	a := t.account(c)
	users := t.users()
	t.end()
	if a.URL == "" {
		return nil
	}
	if users != nil {
		return t.expand(c, a, users)
	}
	switch {
	case strings.Contains(a.URL, userMark):
		t.wrong("url", "contains %s, but there is neither a users_file nor a users_command", userMark)
	case t.filesURL(&a): // a is complete
	default:
		usual, err := usualName(a.URL)
		if err != nil {
			t.wrong("url", "%v", err)
		}
		a.Name = cmp.Or(a.Name, usual)
	}
	if a.Name != "" && c.Account(a.Name) != nil {
		t.wrong("name", "another account has the name %q", a.Name)
	}
	if r := c.Repository(a.Repository); r != nil && r.isTemplate() {
		t.wrong("repository",
			"is one for each user, and this account is no template with a users_file or users_command")
	}
	return []Account{a}
}

// usualName returns the name of an account on a server if the file gives it none. The error is that
// of its URL.
func usualName(url string) (string, error) {
	if jmap.IsURL(url) {
		u, err := jmap.ParseURL(url)
		if err != nil {
			return "", err
		}
		return u.Name(), nil
	}
	opts, err := imap.ParseURL(url)
	if err != nil {
		return "", err
	}
	return opts.String(), nil
}

func (t *table) retention() (policy history.Policy) {
	for key, n := range map[string]*int{
		"keep_last": &policy.Last, "keep_hourly": &policy.Hourly, "keep_daily": &policy.Daily,
		"keep_weekly": &policy.Weekly, "keep_monthly": &policy.Monthly, "keep_yearly": &policy.Yearly,
	} {
		if t.values[key] == "unlimited" {
			t.known, *n = append(t.known, key), history.Unlimited
		} else {
			*n = t.number(key, 1<<31-1)
		}
	}
	parsed(t, "keep_within", &policy.Within, history.ParseSpan)
	policy.Tags = t.texts("keep_tags")
	t.end()
	return policy
}

// ParseCacheSize parses the size of a cache: "2 GB", or "0", which is -1.
func ParseCacheSize(text string) (int64, error) {
	if text == "0" {
		return -1, nil
	}
	n, err := ParseBytes(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf(`%q is no size of a cache, such as "2 GB", or "0" for none`, text)
	}
	return n, nil
}

// ParseBytes parses a number of bytes: "2 GB", "500MiB", "5M". A number without a unit is an error,
// because it is ambiguous. "unlimited" is -1.
func ParseBytes(text string) (int64, error) {
	if text == "unlimited" {
		return -1, nil
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > 1<<62 || strings.Trim(text, "0123456789., ") == "" {
		return 0, fmt.Errorf(`%q is no number of bytes, such as "2 GB" or "500 MB", nor "unlimited"`, text)
	}
	return int64(n), nil
}
