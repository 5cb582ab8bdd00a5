package completion

import (
	_ "embed"
	"fmt"

	"github.com/mailstrata/mailstrata/internal/cli"
)

// Command prints a completion script for a shell.
type Command struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

func (*Command) Help() string {
	return `Prints a script that completes commands, flags, accounts, manifests and mailboxes. Manifests and mailboxes come from the repository of the command line or MAILSTRATA_REPO, if it opens without a question.

EXAMPLES

    mailstrata completion bash > \
        ~/.local/share/bash-completion/completions/mailstrata
    mailstrata completion zsh > ~/.zfunc/_mailstrata
    mailstrata completion fish > ~/.config/fish/completions/mailstrata.fish

For zsh, ~/.zfunc must be in fpath before compinit.

` + cli.ExitStatus
}

var (
	//go:embed scripts/mailstrata.bash
	bashCompletion string
	//go:embed scripts/mailstrata.zsh
	zshCompletion string
	//go:embed scripts/mailstrata.fish
	fishCompletion string
)

func (c *Command) Run(p *cli.Program) error {
	_, err := fmt.Fprint(p,
		map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell])
	return err
}
