package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/term"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/plaintext"
)

// maxSecret bounds what a file or a command gives as a secret: OAuth tokens have some thousand bytes.
const maxSecret = 64 << 10

// secret says where a secret comes from. There is no flag that takes one itself: argument lists can be read by every
// user of a host, and stay in histories.
type secret struct {
	name       string   // what it is, for people: "passphrase of the repository"
	variable   string   // the environment variable that may hold it
	flag       string   // what its flags begin with; "": --password
	file       string   // the file that holds it; "": none
	command    string   // the command that prints it; "": none
	credential string   // a credential of the systemd unit; "": none
	keyring    string   // an entry of the keyring; "": none
	environ    []string // more variables for the command
	twice      bool     // a new secret: asked for twice
}

// read gets the secret: from where it is said to be, or else from the variable, or else by asking on the terminal.
func (p *program) read(ctx context.Context, s secret) ([]byte, error) {
	switch {
	case s.file != "":
		p.warnExposed(s.file)
		return s.fromFile()
	case s.command != "":
		return s.fromCommand(ctx, p.stderr)
	case s.credential != "":
		return p.fromCredential(s)
	case s.keyring != "":
		return fromKeyring(ctx, s)
	}
	if value := p.getenv(s.variable); value != "" {
		return []byte(value), nil
	}
	return p.ask(ctx, s)
}

// or is what the configuration says, where no flag says otherwise.
func (s secret) or(configured config.Secret) secret {
	if s.file != "" || s.command != "" {
		return s
	}
	s.file, s.command, s.credential, s.keyring = configured.File, configured.Command, configured.Credential, configured.Keyring
	s.variable = cmp.Or(configured.Variable, s.variable)
	return s
}

// fromCredential reads what systemd gives to the unit that it starts (LoadCredential=, SetCredentialEncrypted=).
func (p *program) fromCredential(s secret) ([]byte, error) {
	dir := p.getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, &hintedError{
			text: "the " + s.name + " is a credential, " + quoted(s.credential) + ", and only a unit of systemd has such",
			hint: "systemd-run --pipe --wait --property=LoadCredential=… runs a command with one",
		}
	}
	s.file = filepath.Join(dir, s.credential)
	return s.fromFile()
}

// fromKeyring asks the keyring, which may ask its owner to unlock it.
func fromKeyring(ctx context.Context, s secret) ([]byte, error) {
	value, err := keyring.Get(ctx, s.keyring)
	if err != nil {
		return nil, fmt.Errorf("the %s: %w", s.name, err)
	}
	return s.trim(strings.NewReader(value), "the keyring")
}

func (s *secret) fromFile() ([]byte, error) {
	f, err := os.Open(s.file)
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", s.name, err)
	}
	defer f.Close()
	return s.trim(io.LimitReader(f, maxSecret+1), s.file)
}

// fromCommand runs the command by the shell, so that it can be written as one would type it.
func (s *secret) fromCommand(ctx context.Context, stderr io.Writer) ([]byte, error) {
	shell := []string{"sh", "-c", s.command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c", s.command}
	}
	var printed bytes.Buffer
	command := exec.CommandContext(ctx, shell[0], shell[1:]...)
	command.Stdout, command.Stderr = &printed, stderr
	command.Env = append(os.Environ(), s.environ...)
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("the command that gives the %s failed: %w", s.name, err)
	}
	return s.trim(io.LimitReader(&printed, maxSecret+1), "the command")
}

// trim takes off the line ending that editors and commands add.
func (s *secret) trim(r io.Reader, where string) ([]byte, error) {
	value, err := io.ReadAll(r)
	if err == nil {
		value, err = plaintext.Decode(value)
	}
	value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the %s: %w", s.name, err)
	case bytes.ContainsAny(value, "\r\n"):
		return nil, fmt.Errorf("%s has more than one line, but the %s must be one line; after a command, add | head -n 1", where, s.name)
	case len(value) == 0:
		return nil, fmt.Errorf("%s gives an empty %s", where, s.name)
	case len(value) > maxSecret:
		return nil, fmt.Errorf("%s gives more than %d bytes, which is no %s", where, maxSecret, s.name)
	}
	return value, nil
}

// ask asks on the terminal, without echo.
func (p *program) ask(ctx context.Context, s secret) ([]byte, error) {
	tty, err := p.terminal()
	if err != nil {
		return nil, &hintedError{
			text: "the " + s.name + " is needed, and there is no terminal to ask for it on",
			hint: "give it by " + s.ways(),
		}
	}
	defer tty.Close()
	p.console.clear() // the question has a line of its own
	value, err := prompt(ctx, tty, s.name)
	if err != nil || !s.twice {
		return value, err
	}
	again, err := prompt(ctx, tty, s.name+" again")
	if err == nil && !bytes.Equal(value, again) {
		err = errors.New("these are not the same; nothing was done")
	}
	return value, err
}

// ways names the ways in which the secret can be given.
func (s *secret) ways() string {
	flag := cmp.Or(s.flag, "--password")
	return s.variable + ", " + flag + "-file or " + flag + "-command"
}

// terminal is the one that the user sits at, also where standard input is something else.
func (p *program) terminal() (*os.File, error) {
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		return tty, nil
	}
	if p.stdin != nil && term.IsTerminal(int(p.stdin.Fd())) {
		return os.NewFile(p.stdin.Fd(), p.stdin.Name()), nil
	}
	return nil, errors.New("no terminal")
}

// prompt reads a line without echo. If ctx ends meanwhile, the terminal gets its echo back.
func prompt(ctx context.Context, tty *os.File, name string) ([]byte, error) {
	fd := int(tty.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(tty, "%s: ", capital(name))
	type answer struct {
		value []byte
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := term.ReadPassword(fd)
		answered <- answer{value, err}
	}()
	select {
	case a := <-answered:
		fmt.Fprintln(tty)
		if a.err == nil && len(a.value) == 0 {
			return nil, fmt.Errorf("an empty %s was entered", name)
		}
		return a.value, a.err
	case <-ctx.Done():
		_ = term.Restore(fd, state)
		fmt.Fprintln(tty)
		return nil, context.Cause(ctx)
	}
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
