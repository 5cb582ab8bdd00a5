package sftp

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
)

// sshOptions are set in every connection. ServerAliveInterval finds a dead connection within two
// minutes.
var sshOptions = []string{
	"BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=30", "ServerAliveInterval=20", "ServerAliveCountMax=6",
	"ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=no", "RequestTTY=no", "ControlMaster=no",
}

// connection is a running ssh.
type connection struct {
	*sftp.Client
	end   func()
	ended chan struct{} // closed when the connection has ended
}

// dead reports whether the connection has ended, or is about to: an error may come before ssh has
// exited.
func (c *connection) dead() bool {
	select {
	case <-c.ended:
		return true
	case <-time.After(50 * time.Millisecond):
		return false
	}
}

// sshArguments returns the arguments of ssh.
func sshArguments(l Location) []string {
	var args []string
	for _, option := range sshOptions {
		args = append(args, "-o", option)
	}
	if l.Port != 0 {
		args = append(args, "-p", strconv.Itoa(l.Port))
	}
	if l.User != "" {
		args = append(args, "-l", l.User)
	}
	return append(args, "-s", l.Host, "sftp")
}

// login returns the command by which the user logs in at the host.
func (s *Store) login() string {
	words := []string{cmp.Or(s.Command, "ssh")}
	if s.Port != 0 {
		words = append(words, "-p", strconv.Itoa(s.Port))
	}
	at := s.Host
	if s.User != "" {
		at = s.User + "@" + at
	}
	return strings.Join(append(words, at), " ")
}

// sshCommand returns the command that connects. The shell splits the user's own command, as for
// GIT_SSH_COMMAND of git.
func (s *Store) sshCommand() *exec.Cmd {
	args := sshArguments(s.Location)
	switch {
	case s.Command == "":
		return exec.Command("ssh", args...)
	case runtime.GOOS == "windows":
		words := strings.Fields(s.Command)
		return exec.Command(words[0], append(words[1:], args...)...)
	}
	return exec.Command("sh", append([]string{"-c", "exec " + s.Command + ` "$@"`, "ssh"}, args...)...)
}

// connect starts ssh. Its error has what ssh printed.
func (s *Store) connect(ctx context.Context) (*connection, error) {
	command := s.sshCommand()
	said := new(lastLines)
	command.Stderr = said
	apart(command)
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start ssh, which a repository on another host needs: %w", err)
	}
	// ssh is ended by a signal, not by closing its streams: package sftp reads from them until the
	// end.
	end := sync.OnceFunc(func() { _ = command.Process.Kill() })
	stop := context.AfterFunc(ctx, end) // until the connection stands
	client, err := sftp.NewClientPipe(out, in, sftp.UseConcurrentWrites(true))
	if canceled := !stop(); canceled || err != nil {
		end()
		_ = command.Wait()
		if canceled && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &refusal{said: said.String(), err: err}
	}
	c := &connection{Client: client, end: end, ended: make(chan struct{})}
	go func() {
		_ = client.Wait()
		end()
		_ = command.Wait()
		close(c.ended)
	}()
	return c, nil
}

// refusal is a connection that does not come about. Its text is what ssh printed, or else the error
// of the protocol.
type refusal struct {
	said string
	err  error
}

func (r *refusal) Error() string {
	if r.said != "" {
		return "ssh: " + r.said
	}
	return fmt.Sprintf("the host answers ssh, but not with SFTP: %v", r.err)
}

func (r *refusal) Unwrap() error { return r.err }

// passing are words of ssh about a network that may work in a moment.
var passing = []string{
	"Connection timed out", "Connection refused", "Connection reset", "Connection closed", "No route to host", "Network is unreachable",
	"Temporary failure in name resolution", "kex_exchange_identification", "Broken pipe", "Operation timed out", "not responding",
}

// passes reports whether the connection may come about later.
func (r *refusal) passes() bool {
	for _, words := range passing {
		if strings.Contains(r.said, words) {
			return true
		}
	}
	return false
}

// advice is what the user does about words of ssh. After a colon follows the command that logs in.
var advice = []struct{ words, hint string }{
	{"Host key verification failed", "compare the key of the host, and let ssh remember it: "},
	{"Permission denied", "mailstrata asks for no passphrase: let ssh log in by a key without one, or by an agent"},
	{"Could not resolve hostname", "check the name of the host, and ~/.ssh/config"},
	{"subsystem request failed", "the host allows no SFTP to this user"},
}

// hint returns what to do, or "". login is the command that logs in.
func (r *refusal) hint(login string) string {
	for _, a := range advice {
		if !strings.Contains(r.said, a.words) {
			continue
		}
		if strings.HasSuffix(a.hint, ": ") {
			return a.hint + login
		}
		return a.hint
	}
	return ""
}

// lastLines keeps the end of what a program prints.
type lastLines struct {
	mu   sync.Mutex
	data []byte
}

// maxSaid bounds what is kept, in bytes.
const maxSaid = 2 << 10

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data = append(l.data, p...)
	if more := len(l.data) - maxSaid; more > 0 {
		l.data = append(l.data[:0], l.data[more:]...)
	}
	return len(p), nil
}

// String returns the lines, joined, without warnings and with control characters replaced.
func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for line := range bytes.Lines(l.data) {
		text := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(string(bytes.TrimSpace(line)), "?"))
		text = strings.TrimPrefix(text, "ssh: ")
		if text != "" && !strings.HasPrefix(text, "Warning: ") && !strings.HasPrefix(text, "** ") &&
			strings.Trim(text, "@") != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "; ")
}

var _ io.Writer = (*lastLines)(nil)
