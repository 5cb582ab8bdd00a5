package imapclient

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/mail"
)

// scope is the set of mailboxes to read: the user's own, and those of the other namespaces that the
// user names.
type scope struct {
	names  naming
	spaces []mail.Namespace
	named  []string // "other", "shared", or prefixes, raw or decoded
}

// skip returns why a mailbox is not read.
func (s scope) skip(raw string) mail.Skip {
	space, found := namespaceOf(raw, s.spaces)
	if !found || space.Kind == mail.Personal || s.wants(raw, space) {
		return mail.NotSkipped
	}
	return mail.SkipForeign
}

func (s scope) isRead(raw string) bool { return s.skip(raw) == mail.NotSkipped }

// wants reports whether the user named a mailbox of another namespace.
func (s scope) wants(raw string, space mail.Namespace) bool {
	name, ok := s.names.decode(raw)
	return slices.ContainsFunc(s.named, func(named string) bool {
		switch {
		case named == "other" && space.Kind == mail.OtherUsers, named == "shared" && space.Kind == mail.Shared:
			return true
		}
		return isBelow(raw, named, space.Delimiter) || ok && isBelow(name, named, space.Delimiter)
	})
}

// unmatched returns the named prefixes without any mailbox, which may be mistyped. "other" and
// "shared" do not count, because many users have no such mailboxes.
func (s scope) unmatched(boxes []mail.Mailbox) (names []string) {
	for _, named := range s.named {
		one := scope{s.names, s.spaces, []string{named}}
		if named != "other" && named != "shared" && !slices.ContainsFunc(boxes, func(m mail.Mailbox) bool {
			space, _ := namespaceOf(m.Raw, s.spaces)
			return one.wants(m.Raw, space)
		}) {
			names = append(names, named)
		}
	}
	return names
}

// isBelow reports whether a name is the prefix, without its delimiter, or is below it.
func isBelow(name, prefix, delimiter string) bool {
	root := strings.TrimSuffix(prefix, delimiter)
	return name == root || strings.HasPrefix(name, root+delimiter)
}

// prefixes returns the prefixes whose mailboxes a server may list only if asked for them by name.
func (s scope) prefixes() (prefixes []string) {
	for _, space := range s.spaces {
		if space.Kind != mail.Personal && space.Prefix != "" {
			prefixes = append(prefixes, space.Prefix)
		}
	}
	for _, named := range s.named {
		known := slices.ContainsFunc(s.spaces, func(space mail.Namespace) bool {
			return isBelow(named, space.Prefix, space.Delimiter) && space.Prefix != ""
		})
		if named != "other" && named != "shared" && !known {
			prefixes = append(prefixes, mail.EncodeName(named))
		}
	}
	return prefixes
}

// listSpaces adds the mailboxes that the server did not list among all. Some servers list other
// namespaces only by name (Courier, Dovecot with list = no). A refusal means that there is nothing
// for this user.
func (c surveyor) listSpaces(ctx context.Context, l *listing, s scope) error {
	for _, prefix := range s.prefixes() {
		if l.hasBelow(prefix) {
			continue
		}
		cmd := imap.NewCommand("LIST").Raw(` "" `).Text(prefix + "*")
		cmd.OnResponse = l.add
		if err := c.Do(ctx, cmd); err != nil && (!c.Alive() || ctx.Err() != nil ||
			!errors.Is(err, mail.ErrTemporary) && !errors.Is(err, mail.ErrRefused)) {
			return err
		}
	}
	return nil
}

// hasBelow reports whether a mailbox is listed below a prefix.
func (l *listing) hasBelow(prefix string) bool {
	for raw, m := range l.byName {
		if strings.HasPrefix(raw, prefix) && m.Selectable() {
			return true
		}
	}
	return false
}
