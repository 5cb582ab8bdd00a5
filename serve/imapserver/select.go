package imapserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// open is SELECT and EXAMINE (RFC 3501 section 6.3.1). Both open read-only.
func (s *session) open(ctx context.Context, cmd *command.Command) error {
	name, err := cmd.Mailbox()
	if err != nil {
		return err
	}
	s.selected = nil // even if it fails
	m, err := s.mailbox(name)
	if err != nil {
		return err
	}
	list, err := m.Open(ctx)
	if err != nil {
		return err
	}
	s.selected = &selected{m, list, flagTexts(list)}
	s.out.line("* FLAGS (" + strings.Join(allFlags(list), " ") + ")")
	s.out.line(fmt.Sprintf("* %d EXISTS", list.Len()))
	s.out.line("* 0 RECENT")
	if first := unseen(list); len(first) > 0 {
		s.out.line(fmt.Sprintf("* OK [UNSEEN %d] The first message that nobody has seen", first[0]+1))
	}
	s.out.line("* OK [PERMANENTFLAGS ()] Flags cannot be changed")
	s.out.line(fmt.Sprintf("* OK [UIDNEXT %d] The next UID at the time of the backup", list.UIDNext))
	s.out.line(fmt.Sprintf("* OK [UIDVALIDITY %d] UIDs are those of the account", list.UIDValidity))
	if n := len(list.Damage); n > 0 {
		s.out.line(fmt.Sprintf("* NO [ALERT] The archive is damaged: messages or flags of this mailbox are missing (%d errors). The first is: %s",
			n, printable(list.Damage[0].Error())))
	}
	s.out.line(cmd.Tag + " OK [READ-ONLY] The mailbox is open")
	return errAnswered
}

// close is CLOSE and UNSELECT (RFC 3501 section 6.4.2, RFC 3691). CLOSE has nothing to expunge.
func (s *session) close(_ context.Context, cmd *command.Command) error {
	if err := cmd.End(); err != nil {
		return err
	}
	s.selected = nil
	return nil
}

// systemFlags are those of RFC 3501 section 2.3.2. Clients expect them in FLAGS whether a message
// has them or not.
var systemFlags = []string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`}

// allFlags returns the flags of a mailbox.
func allFlags(l *view.List) []string {
	all := slices.Clone(systemFlags)
	var keywords []string
	for i := range l.Sets() {
		for _, flag := range l.Flags(i) {
			if flag = flagText(flag); !slices.Contains(all, flag) {
				keywords = append(keywords, flag)
			}
		}
	}
	slices.Sort(keywords)
	return append(all, slices.Compact(keywords)...)
}

// flagTexts returns each flag set of a mailbox as it is sent.
func flagTexts(l *view.List) []string {
	texts := make([]string, l.Sets())
	for i := range texts {
		flags := slices.Clone(l.Flags(i))
		for n := range flags {
			flags[n] = flagText(flags[n])
		}
		texts[i] = "FLAGS (" + strings.Join(flags, " ") + ")"
	}
	return texts
}

// flagText returns a flag as it is sent. Servers have sent flags that are no atoms, which no client
// could read: such a flag is encoded, as restores encode labels.
func flagText(flag string) string {
	name, system := strings.CutPrefix(flag, `\`)
	switch {
	case isAtom(name):
		return flag
	case system:
		return `\` + mail.LabelKeyword(name) + strings.Repeat("_", 1-min(len(name), 1))
	case name == "":
		return "_"
	}
	return mail.LabelKeyword(name)
}
