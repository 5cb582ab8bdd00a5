package find

import (
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// nightCount is how many messages are found in a manifest.
type nightCount struct {
	contents         *archive.Contents
	messages, copies int64 // copies are in other mailboxes, or more than once in one
}

// count counts a message that is found.
func (s *searchResults) count(found *search.Hit) {
	s.found++
	at := slices.IndexFunc(s.counts, func(n nightCount) bool {
		return n.contents == found.Contents ||
			s.command.All && n.contents.Manifest.Account == found.Contents.Manifest.Account
	})
	if at < 0 {
		at = len(s.counts)
		s.counts = append(s.counts, nightCount{contents: found.Contents})
	}
	s.counts[at].messages++
	s.counts[at].copies += int64(len(found.Also))
}

// showRestore says whether there are more messages, and shows how to read and to bring back the
// first that was printed, and all.
func (s *searchResults) showRestore() {
	if s.shown == nil {
		return
	}
	more := s.more.Load()
	if more {
		s.Note("only the newest %s shown; there are more: --limit 0 shows all", isAre(s.found))
	}
	if s.JSON {
		return
	}
	what := "the first of them"
	if s.found == 1 {
		what = "it"
	}
	manifest, mailbox, uid := summary.ShortID(s.shown.Contents.Head), ui.ShellWord(s.shown.Mailbox.Name), s.shown.Entry.UID
	s.NoteCommand("to read "+what, "mailstrata", "show", manifest, mailbox, fmt.Sprint(uid))
	s.NoteCommand("to restore "+what, "mailstrata", "restore", manifest, "--mailbox", mailbox,
		"--message", fmt.Sprint(uid), "--to", "maildir:DIRECTORY")
	if s.found == 1 && !more {
		return
	}
	for _, n := range s.counts[:min(len(s.counts), maxRestores)] {
		command := []string{"mailstrata", "restore"}
		switch {
		case !s.command.All:
			command = append(command, summary.ShortID(n.contents.Head))
		case s.accounts() || s.command.Account != "":
			command = append(command, ui.ShellWord(n.contents.Manifest.Account+"@latest"), "--all")
		default:
			command = append(command, "--all")
		}
		command = append(append(command, s.command.conditions()...), "--to", "maildir:DIRECTORY")
		s.NoteCommand("to restore all that match"+s.restored(n, more), command...)
	}
	if left := len(s.counts) - maxRestores; left > 0 {
		s.Note("likewise for %s, with the manifest of each", ui.Plural(left, "more account"))
	}
}

// maxRestores is for how many accounts a command is shown that restores what is found.
const maxRestores = 4

// restored says what a restore of all that match restores, if that is not what is shown.
func (s *searchResults) restored(n nightCount, more bool) (text string) {
	if len(s.scope.Manifests) > 1 || s.command.All && s.accounts() {
		text = " in " + ui.Safe(n.contents.Manifest.Account)
	}
	switch {
	case more:
		text += ", not only what is shown"
	case n.copies > 0 && !s.command.All:
		text += fmt.Sprintf(" (%s, with the copies in other mailboxes)", ui.Plural(n.messages+n.copies, "message"))
	}
	return text
}

// isAre returns a number with its verb.
func isAre(n int64) string {
	if n == 1 {
		return "one is"
	}
	return ui.Count(n) + " are"
}
