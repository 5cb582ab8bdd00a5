package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
)

// isFirst reports whether nothing is set up, and somebody is there to be asked.
func isFirst(p *cli.Program) bool {
	if p.JSON || p.Flags.Repo != "" || p.Process.Step != nil || !p.Attended() {
		return false
	}
	if file, err := p.ConfigFile(); err != nil || file != "" {
		return false
	}
	own, err := p.OwnRepository()
	if err == nil {
		_, err = os.Stat(own)
	}
	return errors.Is(err, fs.ErrNotExist)
}

// offerSetup offers to run mailstrata setup, which makes the first backup. It reports whether it
// ran.
func offerSetup(ctx context.Context, p *cli.Program, again cli.Runner) (bool, error) {
	answer, err := p.Ask(ctx, "No account is set up yet. Set one up now? [Y/n] ")
	if err != nil || answer != "" && !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		return false, err
	}
	if status := again(ctx, p.Process, append(p.Globals.Args(), "setup")); status != cli.StatusDone &&
		ctx.Err() == nil {
		return true, cli.Ended(status, "mailstrata setup did not end well")
	}
	return true, nil
}
