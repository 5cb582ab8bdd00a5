package browse

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/picker"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

// commands returns the command lines that restore some items: for each manifest one for all of it
// or for whole mailboxes, and one for each mailbox of which messages are marked.
func commands(items []any, target string) (all [][]string) {
	type place struct{ night, mailbox string }
	nights := make(map[string]repo.Head)
	whole := make(map[string]bool)
	mailboxes := make(map[string][]string)
	messages := make(map[place]mail.UIDSet)
	for _, item := range items {
		switch item := item.(type) {
		case nightItem:
			nights[item.head.Name], whole[item.head.Name] = item.head, true
		case mailboxItem:
			nights[item.head.Name] = item.head
			mailboxes[item.head.Name] = append(mailboxes[item.head.Name], item.name)
		case messageItem:
			nights[item.head.Name] = item.head
			at := place{item.head.Name, item.name}
			uids := messages[at]
			uids.Add(mail.UID(item.uid))
			messages[at] = uids
		}
	}
	for _, name := range slices.Sorted(maps.Keys(nights)) {
		restore := []string{"restore", summary.ShortID(nights[name])}
		if whole[name] {
			all = append(all, append(slices.Clone(restore), "--to", target))
			continue
		}
		if len(mailboxes[name]) > 0 {
			line := slices.Clone(restore)
			for _, mailbox := range mailboxes[name] {
				line = append(line, mailboxArgs(mailbox)...)
			}
			all = append(all, append(line, "--to", target))
		}
		for _, at := range slices.SortedFunc(maps.Keys(messages), func(a, b place) int { return strings.Compare(a.mailbox, b.mailbox) }) {
			if at.night == name && !slices.Contains(mailboxes[name], at.mailbox) {
				all = append(all, slices.Concat(restore, mailboxArgs(at.mailbox), []string{
					"--message", messages[at].String(), "--to", target,
				}))
			}
		}
	}
	return all
}

// mailboxArgs returns a mailbox as arguments, also if it begins with a dash.
func mailboxArgs(name string) []string {
	if strings.HasPrefix(name, "-") {
		return []string{"--mailbox=" + name}
	}
	return []string{"--mailbox", name}
}

// runChoice prints the commands that restore a choice, asks, and runs them.
func runChoice(ctx context.Context, p *cli.Program, again cli.Runner, choice *picker.Choice) error {
	lines := commands(choice.Items, choice.Target)
	for _, line := range lines {
		p.Printf("%s", ui.CommandLine(quoted(append(line, repositoryArgs(p, false)...)), p.Width(), ""))
	}
	what := "this command"
	if len(lines) > 1 {
		what = "these commands"
	}
	err := p.Confirm(ctx, "Run "+what+"? It only adds what is missing there. [y/N] ", ui.ErrNoTerminal, func(answer string) bool {
		return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
	})
	if err != nil {
		return err
	}
	worst := cli.StatusDone
	for _, line := range lines {
		args := append(append(p.Globals.Args(), line...), repositoryArgs(p, true)...)
		if status := again(ctx, p.Process, args); status != cli.StatusDone && worst != cli.StatusFailed {
			worst = status
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if worst != cli.StatusDone {
		return cli.Ended(worst, "some of it was not restored; run the commands above again to continue")
	}
	return nil
}

// repositoryArgs returns the flags that name the repository and its key. Those that a variable gave
// are left out, unless all is set.
func repositoryArgs(p *cli.Program, all bool) (args []string) {
	f := &p.Host.Flags
	for _, flag := range []struct{ name, value string }{
		{"repo", f.Repo}, {"key-file", f.KeyFile}, {"password-file", f.PasswordFile}, {"password-command", f.PasswordCommand}, {"trust", f.Trust},
	} {
		if flag.value != "" && (all || !p.ByVariable[flag.name]) {
			args = append(args, "--"+flag.name+"="+flag.value)
		}
	}
	return args
}

// quoted returns the words of a command line as somebody would write it.
func quoted(args []string) []string {
	words := []string{"mailstrata"}
	for _, arg := range args {
		words = append(words, ui.ShellWord(arg))
	}
	return words
}
