package find

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/conditions"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/day"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
)

// Command finds messages.
type Command struct {
	Manifest string   `arg:"" optional:"" help:"Search this manifest: an id, latest, latest~2, a date, friday; with ACCOUNT@ before it if needed. Default: the newest manifest of each account."`
	Text     []string `arg:"" optional:"" help:"Words to search for in the whole message (all must match). The first may replace MANIFEST."`

	All              bool             `group:"query" help:"Search all manifests. Each message is listed once, with the oldest and the newest manifest that has it."`
	Account          string           `group:"query" placeholder:"NAME" help:"Search only this account."`
	Query            conditions.Texts `group:"query" name:"text" placeholder:"QUERY" help:"Search for words, \"phrases\", prefix*, -without, OR, from: in: before: … in the whole message (docs/search.md; repeatable)."`
	NoIndex          bool             `group:"query" name:"no-index" help:"Read all messages, even if this host has an index of their words."`
	Items            bool             `group:"query" help:"Search for events, contacts and scripts in place of messages: the words are looked for in the summary of an event, the name of a person, and the file name."`
	Limit            *int             `group:"query" placeholder:"N" help:"Only the newest N messages, the newest first (0: all)."`
	To               string           `group:"query" aliases:"recipient" placeholder:"TEXT" help:"Text in a recipient: To, Cc or Bcc."`
	conditions.Flags `embed:""`
	job.Selection    `embed:""`
}

// ListsManifests implements cli.Lister.
func (*Command) ListsManifests() {}

func (*Command) Help() string {
	return `Finds messages and prints where they are, for "mailstrata show" and "mailstrata restore --message". ` + conditions.Help + `

Words are looked for in sender, recipients, subject, text and attachments, in any case and with or without accents; the newest message comes first, with the place where it matches. Write a query that has quotes, - or OR in quotes: --text '"old bridge" -draft'. docs/search.md has the language. "mailstrata index build" makes this fast; without an index all messages are read.

--items finds events, contacts and scripts by their names, with --since and --before for the day on which an event begins.

With --all, it finds deleted messages too. LAST is the newest manifest that has the message: restore it from there.

Names of attachments are looked for in Content-Disposition and Content-Type; of a very long text without attachments, only in the first and the last half MiB. ` + job.PatternHelp + `

EXAMPLES

    mailstrata find bridge
    mailstrata find --all --limit 20 --text '"old bridge" from:joao -draft'
    mailstrata find --text 'invoice has:attachment after:2025-01-01 in:Work'
    mailstrata find --from joao --subject bridge
    mailstrata find 2026-03-14 --attachment .pdf --larger 1M
    mailstrata find --all --message-id 4711@mail.example
    mailstrata find --all --since 2026-03-01 --before 2026-04-01 --flag flagged
    mailstrata find --items --all 'board meeting'
    mailstrata restore 3f9a --mailbox Projects --message 12 --to maildir:found

EXIT STATUS

0 done, whether something was found or not; 1 failed; 2 invalid command line; 3 done, but some of it could not be read; 130 interrupted.`
}

// textFirst treats the first word as text to search for, if it does not name a manifest. A search
// of all manifests takes no name of one, so there every word is text.
func (c *Command) textFirst() {
	if c.Manifest != "" && (!namesManifest(c.Manifest) || c.All && isWord(c.Manifest)) {
		c.firstIsText()
	}
}

// namesManifest reports whether the first word of a search is a manifest. The name of a month and
// how long ago something is, such as march or 3d, are rather searched for.
func namesManifest(word string) bool {
	ref, err := named.ParseRef(word)
	if err != nil || !isWord(word) || !ref.IsTime() {
		return err == nil
	}
	when, ok := day.Parse(word, time.Now())
	return ok && !strings.ContainsAny(word, "0123456789") && when.Until.Sub(when.From) < 48*time.Hour
}

func (c *Command) firstIsText() {
	c.Manifest, c.Text = "", append([]string{c.Manifest}, c.Text...)
}

// isWord reports whether what can name a manifest can be a word to search for as well: beef, 2023,
// sunday.
func isWord(name string) bool {
	return name != "latest" &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func (c *Command) Run(ctx context.Context, p *cli.Program) error {
	c.textFirst()
	if c.Items {
		return c.findItems(ctx, p)
	}
	query, w, err := c.parse()
	if err != nil {
		return err
	}
	if c.searchesNothing(&query, w) && isWord(c.Manifest) && c.Manifest != "" {
		p.Note("searching for %s; to search in the manifest of that name, add words or conditions",
			ui.Quote(c.Manifest))
		c.firstIsText()
		if query, w, err = c.parse(); err != nil {
			return err
		}
	}
	if c.searchesNothing(&query, w) {
		return &hint.Usage{Text: "nothing to search for", Hint: "mailstrata find WORDS, --from TEXT, --subject TEXT, --since DATE …; mailstrata find --help shows all"}
	}
	r, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if query.ReadsMail() || w.Words != nil {
		if err := access.MayRead(r); err != nil {
			return err
		}
	}
	s := &searchResults{Program: p, repo: r, command: c, query: query, words: w, readable: r.CanRead()}
	err = s.choose(ctx)
	if errors.Is(err, history.ErrNoMatch) && c.Manifest != "" && isWord(c.Manifest) {
		p.Note("searching for %s; no manifest has that name", ui.Quote(c.Manifest))
		c.firstIsText()
		if err := access.MayRead(r); err != nil {
			return err
		}
		if s.query, s.words, err = c.parse(); err == nil {
			err = s.choose(ctx)
		}
	}
	if err != nil {
		return err
	}
	conditions.Explain(p.Output, s.words)
	if err := s.run(ctx); err != nil {
		return err
	}
	return s.outcome(ctx)
}

// searchesNothing reports whether the command line has no condition.
func (c *Command) searchesNothing(query *search.Query, w *query.Query) bool {
	return query.IsZero() && len(c.Mailbox) == 0 && w.Words == nil && len(w.In) == 0
}

// parse returns the conditions of the command line.
func (c *Command) parse() (search.Query, *query.Query, error) {
	query, err := c.Search(c.To)
	if err != nil {
		return query, nil, err
	}
	w, err := conditions.Parse(append([]string{strings.Join(c.Text, " ")}, c.Query...), &query)
	switch {
	case err != nil:
	case c.All && c.Manifest != "":
		err = &hint.Usage{Text: "--all searches all manifests; do not name one",
			Hint: "--text " + ui.ShellWord(c.Manifest) + " searches for the word"}
	case c.Account != "" && c.Manifest != "":
		err = hint.Usagef("put the account before the manifest: %s@%s", ui.Safe(c.Account), ui.Safe(c.Manifest))
	case isTarget.MatchString(c.To):
		err = &hint.Usage{Text: "--to is a recipient in a search", Hint: "mailstrata restore MANIFEST --text QUERY --to " + ui.ShellWord(c.To) + " restores what a search finds"}
	case c.Limit != nil && *c.Limit < 0:
		err = hint.Usagef("--limit must be 0, for all, or more")
	}
	return query, w, err
}

// isTarget matches what --to of restore takes, and no recipient has.
var isTarget = regexp.MustCompile(`^(maildir|eml|mbox|zip|tar|imaps?):`)

// limit returns how many messages are printed, or 0 if all are.
func (c *Command) limit() int {
	if c.Limit == nil {
		return 0
	}
	return *c.Limit
}

// conditions returns the conditions of the command line as flags of restore.
func (c *Command) conditions() (words []string) {
	add := func(flag string, values ...string) {
		for _, value := range values {
			if value != "" {
				words = append(words, "--"+flag+"="+ui.ShellWord(value))
			}
		}
	}
	add("text", append([]string{strings.Join(c.Text, " ")}, c.Query...)...)
	for _, f := range [][2]string{
		{"from", c.From}, {"recipient", c.To}, {"subject", c.Subject}, {"message-id", c.MessageID}, {
			"attachment", c.Attachment,
		},
		{"since", c.Since}, {"before", c.Before}, {"larger", c.Larger}, {"smaller", c.Smaller},
	} {
		add(f[0], f[1])
	}
	add("flag", c.Flag...)
	add("label", c.Label...)
	add("keyword", c.Keyword...)
	for _, name := range c.Mailbox {
		add("mailbox", string(name))
	}
	for _, name := range c.Exclude {
		add("exclude", string(name))
	}
	return words
}
