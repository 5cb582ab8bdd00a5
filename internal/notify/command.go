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

// commandPatience is how long a command may take: one that waits for an answer must not keep the next night from coming.
const commandPatience = time.Minute

// secretVariables are for mailstrata, and not for what it starts on a bad day.
var secretVariables = []string{
	"MAILSTRATA_PASSWORD", "MAILSTRATA_IMAP_PASSWORD", "MAILSTRATA_IMAP_TOKEN", "MAILSTRATA_OAUTH_CLIENT_SECRET", "MAILSTRATA_PING_URL",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
}

// Call runs a command by the shell, with the summary of the run on its standard input and its parts in variables. What the
// command prints goes to out.
func Call(ctx context.Context, command string, r *Run, environ []string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	shell := []string{"sh", "-c", command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c", command}
	}
	c := exec.CommandContext(ctx, shell[0], shell[1:]...)
	c.WaitDelay = time.Second // for what the shell started, and left
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(r.Summary()), out, out
	c.Env = append(without(environ, secretVariables),
		"MAILSTRATA_RUN="+r.Command,
		"MAILSTRATA_EXIT_STATUS="+strconv.Itoa(r.Status),
		"MAILSTRATA_SUBJECT="+r.Subject(),
	)
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("the command for failures did not end within %s", commandPatience)
		}
		return fmt.Errorf("the command for failures failed itself: %w", err)
	}
	return nil
}

func without(environ, names []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(names, name)
	})
}
