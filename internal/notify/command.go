package notify

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// commandPatience is the time limit for a command. A command that hangs must not delay the next
// run.
const commandPatience = time.Minute

// secretVariables are not passed to the command.
var secretVariables = []string{
	"MAILSTRATA_PASSWORD", "MAILSTRATA_IMAP_PASSWORD", "MAILSTRATA_IMAP_TOKEN", "MAILSTRATA_OAUTH_CLIENT_SECRET", "MAILSTRATA_PING_URL",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
}

// Call runs a command in a shell, with the summary of the run on standard input and its parts in
// variables. The output of the command goes to out.
func Call(ctx context.Context, command string, r *Run, environ []string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	shell := []string{"sh", "-c", command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c", command}
	}
	c := exec.CommandContext(ctx, shell[0], shell[1:]...)
	c.WaitDelay = time.Second // for processes that the shell left behind
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(r.Summary()), out, out
	c.Env = append(without(environ, secretVariables),
		"MAILSTRATA_RUN="+r.Command,
		"MAILSTRATA_EXIT_STATUS="+strconv.Itoa(r.Status),
		"MAILSTRATA_SUBJECT="+r.Subject(),
	)
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("the command for failures did not finish within %s", commandPatience)
		}
		return fmt.Errorf("the command for failures failed: %w", err)
	}
	return nil
}

func without(environ, names []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(names, name)
	})
}
