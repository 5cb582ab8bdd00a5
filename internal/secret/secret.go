// Package secret reads passwords, passphrases and tokens, and writes key files.
//
//	Source ──► Reader.Read ──► the secret, one line
//	            │ file, command, credential of systemd
//	            │ keyring        package keyring
//	            │ variable       of the environment
//	            └ question       package ui
//
// keyfile.go creates and reads the key files of repositories: age identities that only their owner
// can read.
package secret

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/plaintext"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// maxLength is the maximum length of a secret. OAuth tokens have some thousand bytes.
const maxLength = 64 << 10

// ShortPassphrase is the number of characters below which a new passphrase can be guessed, although
// each guess takes a second.
const ShortPassphrase = 8

// Source says where a secret comes from. No flag takes a secret itself: other users of a host can
// read argument lists, and shells keep them in histories.
type Source struct {
	Name       string   // what it is, for people: "passphrase of the repository"
	Variable   string   // the environment variable that may hold it
	Flag       string   // what its flags begin with; "": --password
	File       string   // the file that holds it; "": none
	Command    string   // the command that prints it; "": none
	Credential string   // a credential of the systemd unit; "": none
	Keyring    string   // an entry of the keyring; "": none
	Environ    []string // more variables for the command
	Twice      bool     // a new secret: ask twice
	Instead    string   // a flag that makes the secret unnecessary, for a hint: "--key-file"; "": none
}

// Reader reads secrets.
type Reader struct {
	output  *ui.Output
	stderr  io.Writer // of commands that print secrets
	getenv  func(string) string
	exposed map[string]bool // files that WarnExposed has warned of
}

// NewReader returns a Reader that asks on the terminal by output, prompts on stderr, and reads
// variables by getenv.
func NewReader(output *ui.Output, stderr io.Writer, getenv func(string) string) *Reader {
	return &Reader{output: output, stderr: stderr, getenv: getenv, exposed: make(map[string]bool)}
}

// Read returns the secret from its source, or else from the variable, or else from the terminal.
func (r *Reader) Read(ctx context.Context, s Source) ([]byte, error) {
	switch {
	case s.File != "":
		r.WarnExposed(s.File)
		return s.fromFile()
	case s.Command != "":
		return s.fromCommand(ctx, r.stderr)
	case s.Credential != "":
		return r.fromCredential(s)
	case s.Keyring != "":
		return fromKeyring(ctx, s)
	}
	if value := r.getenv(s.Variable); value != "" {
		return []byte(value), nil
	}
	return r.askFor(ctx, s)
}

// Or returns s if it names a file or a command, or else the source of the configuration.
func (s Source) Or(configured config.Secret) Source {
	if s.File != "" || s.Command != "" {
		return s
	}
	s.File, s.Command, s.Credential, s.Keyring = configured.File, configured.Command, configured.Credential, configured.Keyring
	s.Variable = cmp.Or(configured.Variable, s.Variable)
	return s
}

// fromCredential reads a credential of the systemd unit (LoadCredential=, SetCredentialEncrypted=).
func (r *Reader) fromCredential(s Source) ([]byte, error) {
	dir := r.getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, &hint.Error{
			Text: "the " + s.Name + " is a credential, " + ui.Quote(s.Credential) + ", which only a systemd unit has",
			Hint: "systemd-run --pipe --wait --property=LoadCredential=… runs a command with one",
		}
	}
	s.File = filepath.Join(dir, s.Credential)
	return s.fromFile()
}

// fromKeyring reads an entry of the keyring, which may ask its owner to unlock it.
func fromKeyring(ctx context.Context, s Source) ([]byte, error) {
	value, err := keyring.Get(ctx, s.Keyring)
	if err != nil {
		return nil, fmt.Errorf("the %s: %w", s.Name, err)
	}
	return s.trim(strings.NewReader(value), "the keyring")
}

func (s *Source) fromFile() ([]byte, error) {
	f, err := os.Open(s.File)
	if err != nil {
		return nil, s.Unread(err)
	}
	defer f.Close()
	return s.trim(io.LimitReader(f, maxLength+1), s.File)
}

// Unread returns the error of a file that cannot be opened, and says what to do if it is missing.
func (s *Source) Unread(err error) error {
	err = fmt.Errorf("read the %s: %w", s.Name, err)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	advice := "write it into that file, which only you should be able to read (chmod 600), or name the file that has it"
	if s.Credential != "" {
		advice = "the systemd unit must have LoadCredential=" + s.Credential + ":FILE"
	}
	return &hint.Error{Text: err.Error(), Hint: advice, Err: err}
}

// fromCommand runs the command in a shell and returns what it prints.
func (s *Source) fromCommand(ctx context.Context, stderr io.Writer) ([]byte, error) {
	shell := []string{"sh", "-c", s.Command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c", s.Command}
	}
	var printed bytes.Buffer
	command := exec.CommandContext(ctx, shell[0], shell[1:]...)
	command.Stdout, command.Stderr = &printed, stderr
	command.Env = append(os.Environ(), s.Environ...)
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("the command for the %s failed: %w", s.Name, err)
	}
	return s.trim(io.LimitReader(&printed, maxLength+1), "the command")
}

// trim removes the line ending that editors and commands add, and checks the secret.
func (s *Source) trim(r io.Reader, where string) ([]byte, error) {
	value, err := io.ReadAll(r)
	if err == nil {
		value, err = plaintext.Decode(value)
	}
	value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the %s: %w", s.Name, err)
	case bytes.ContainsAny(value, "\r\n"):
		return nil, fmt.Errorf("%s has more than one line, but the %s must be one line; for a command, add | head -n 1", where, s.Name)
	case len(value) == 0:
		return nil, fmt.Errorf("%s: the %s is empty", where, s.Name)
	case len(value) > maxLength:
		return nil, fmt.Errorf("%s: more than %d bytes for the %s", where, maxLength, s.Name)
	}
	return value, nil
}

// askFor asks for a secret on the terminal, twice if it is new.
func (r *Reader) askFor(ctx context.Context, s Source) ([]byte, error) {
	value, err := r.output.AskSecret(ctx, s.Name)
	if errors.Is(err, ui.ErrNoTerminal) {
		return nil, &hint.Error{
			Text: "the " + s.Name + " is missing, and there is no terminal to ask for it",
			Hint: "use " + s.ways(),
		}
	}
	if err != nil || !s.Twice {
		return value, err
	}
	again, err := r.output.AskSecret(ctx, s.Name+" again")
	if err == nil && !bytes.Equal(value, again) {
		err = errors.New("the answers do not match")
	}
	return value, err
}

// ways returns the ways to give the secret, for a hint.
func (s *Source) ways() string {
	flag := cmp.Or(s.Flag, "--password")
	ways := s.Variable + ", " + flag + "-file or " + flag + "-command"
	if s.Instead != "" {
		return s.Instead + ", if you have a key file, or else " + ways
	}
	return ways
}

// Given reports whether the secret needs no question.
func (r *Reader) Given(s Source) bool {
	return s.File != "" || s.Command != "" || s.Credential != "" || s.Keyring != "" || r.getenv(s.Variable) != ""
}

// ReadOrKeep reads a secret. If the keyring lacks it, it asks for the secret and stores it there.
func (r *Reader) ReadOrKeep(ctx context.Context, s Source) ([]byte, error) {
	value, err := r.Read(ctx, s)
	if !errors.Is(err, keyring.ErrNotFound) {
		return value, err
	}
	entry := s.Keyring
	s.Keyring = ""
	if value, err = r.Read(ctx, s); err != nil {
		return nil, err
	}
	if err := keyring.Set(ctx, entry, string(value)); err != nil {
		return nil, fmt.Errorf("store the %s: %w", s.Name, err)
	}
	return value, nil
}

// WarnExposed warns once of a secret in a file that other users of this host can read. Credentials
// of systemd are in a directory that only the unit can enter.
func (r *Reader) WarnExposed(file string) {
	if runtime.GOOS == "windows" || r.exposed[file] {
		return
	}
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o004 == 0 {
		return
	}
	if dir := r.getenv("CREDENTIALS_DIRECTORY"); dir != "" && filepath.Dir(file) == filepath.Clean(dir) {
		return
	}
	r.exposed[file] = true
	r.output.Warn("other users of this host can read the secret in %s: run chmod 600", ui.Safe(file))
}
