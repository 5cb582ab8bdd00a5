package mail

import (
	"slices"
	"strings"
)

// Flags are a message's flags and keywords: sorted, each once, without \Recent, which belongs to a session and not to
// the message (RFC 9051 section 2.3.2).
type Flags []string

// systemFlags are spelled one way, however the server spells them: flags have no case.
var systemFlags = []string{`\Answered`, `\Deleted`, `\Draft`, `\Flagged`, `\Seen`}

// NewFlags makes a proper set of what a server or a file name gave.
func NewFlags(raw ...string) Flags {
	flags := make(Flags, 0, len(raw))
	for _, f := range raw {
		if strings.EqualFold(f, `\Recent`) {
			continue
		}
		if i := slices.IndexFunc(systemFlags, func(s string) bool { return strings.EqualFold(s, f) }); i >= 0 {
			f = systemFlags[i]
		}
		flags = append(flags, f)
	}
	slices.Sort(flags)
	return slices.Compact(flags)
}

// Has reports whether the flag is set; flags have no case.
func (f Flags) Has(flag string) bool {
	return slices.ContainsFunc(f, func(s string) bool { return strings.EqualFold(s, flag) })
}

// Equal reports whether both are the same set.
func (f Flags) Equal(other Flags) bool { return slices.Equal(f, other) }

// Without is f less one flag.
func (f Flags) Without(flag string) Flags {
	return slices.DeleteFunc(slices.Clone(f), func(s string) bool { return strings.EqualFold(s, flag) })
}

// Keywords are the flags that are not the system's: they do not begin with a backslash.
func (f Flags) Keywords() []string {
	return slices.DeleteFunc(slices.Clone(f), func(s string) bool { return strings.HasPrefix(s, `\`) })
}
