package mail

import (
	"slices"
	"strings"
)

// Flags are the flags and keywords of a message: sorted, each once, without \Recent, which belongs
// to a session and not to the message (RFC 9051 section 2.3.2).
type Flags []string

// systemFlags are the flags that NewFlags spells in one way, because flags have no case.
var systemFlags = []string{`\Answered`, `\Deleted`, `\Draft`, `\Flagged`, `\Seen`}

// NewFlags returns the set of the flags that a server or a file name has.
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

// Has reports whether the flag is set. Flags have no case.
func (f Flags) Has(flag string) bool {
	return slices.ContainsFunc(f, func(s string) bool { return strings.EqualFold(s, flag) })
}

// Equal reports whether f and other are the same set.
func (f Flags) Equal(other Flags) bool { return slices.Equal(f, other) }

// Without returns f without one flag.
func (f Flags) Without(flag string) Flags {
	return slices.DeleteFunc(slices.Clone(f), func(s string) bool { return strings.EqualFold(s, flag) })
}

// Keywords returns the flags that are not system flags: those that do not begin with a backslash.
func (f Flags) Keywords() []string {
	return slices.DeleteFunc(slices.Clone(f), func(s string) bool { return strings.HasPrefix(s, `\`) })
}
