package config

import (
	"slices"

	"github.com/mailstrata/mailstrata/manifest/history"
)

// Run is what mailstrata run does besides the backup.
type Run struct {
	Check        history.Span // a check each time, which reads all mail within this time; zero: none
	Prune        history.Span // forget and prune when this has passed since the last time; zero: never
	Repositories []string     // names of those that are checked and pruned; empty: see Maintained
}

func (t *table) run(c *Config) (r Run) {
	parsed(t, "check", &r.Check, history.ParseSpan)
	parsed(t, "prune", &r.Prune, history.ParseSpan)
	r.Repositories = t.texts("repositories")
	for _, name := range r.Repositories {
		if c.Repository(name) == nil {
			t.unknown("repositories", c.names(), "there is no repository %q in this file", name)
		}
	}
	t.end()
	return r
}

// NoAccount is the warning about a configuration with which nothing is backed up.
const NoAccount = "no account: nothing is backed up; mailstrata account add adds one"

// LacksAccounts reports whether accounts are missing from the configuration. A host that only
// checks and prunes needs none.
func (c *Config) LacksAccounts() bool {
	return len(c.Accounts) == 0 && c.Run.Check == history.Span{} && c.Run.Prune == history.Span{}
}

// checkCopies reports repositories that are copied to themselves, or to a repository that the file
// lacks.
func (c *Config) checkCopies(tables []*table) {
	for i, t := range tables {
		switch r := &c.Repositories[i]; {
		case r.CopyTo == "":
		case r.CopyTo == r.Name:
			t.wrong("copy_to", "is this repository itself")
		case c.Repository(r.CopyTo) == nil:
			t.unknown("copy_to", c.names(), "there is no repository %q in this file", r.CopyTo)
		}
	}
}

// Archives reports whether accounts of this configuration are archived into a repository.
func (c *Config) Archives(r *Repository) bool {
	return slices.ContainsFunc(c.Accounts, func(a Account) bool { return c.Repository(a.Repository) == r })
}

// Maintained reports whether mailstrata run checks and prunes a repository: if [run] names it, or
// names none and accounts are archived into it. In a configuration without accounts, all are.
func (c *Config) Maintained(r *Repository) bool {
	if len(c.Run.Repositories) > 0 {
		return slices.Contains(c.Run.Repositories, r.Name)
	}
	return len(c.Accounts) == 0 || c.Archives(r)
}
