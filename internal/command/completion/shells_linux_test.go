package completion

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// offeringProgram replaces mailstrata. It prints the same completions for any command line, with
// names as users choose them.
const offeringProgram = `#!/bin/bash
for last; do :; done
while IFS= read -r line; do [[ $line == "$last"* ]] && printf '%s\n' "$line"; done <<'END'
anna@mail.example@latest	the newest
Projects/New Bridge	8 messages
It's "odd" $HOME	3 messages
a:b	a colon
back\slash	another
list	Lists
END
exit 0
`

// typedAndDone maps typed lines to what Tab makes of them in bash. Other shells quote differently.
var typedAndDone = []struct{ typed, done string }{
	{`mailstrata lis`, `mailstrata list`},
	{`mailstrata ls Pro`, `mailstrata ls Projects/New\ Bridge`},
	{`mailstrata ls "Pro`, `mailstrata ls "Projects/New Bridge"`},
	{`mailstrata ls 'Pro`, `mailstrata ls 'Projects/New Bridge'`},
	{`mailstrata ls Projects/New\ B`, `mailstrata ls Projects/New\ Bridge`},
	{`mailstrata ls It`, `mailstrata ls It\'s\ \"odd\"\ \$HOME`},
	{`mailstrata ls "It`, `mailstrata ls "It's \"odd\" \$HOME"`},
	{`mailstrata ls 'It`, `mailstrata ls 'It'\''s "odd" $HOME'`},
	{`mailstrata ls "It's \"o`, `mailstrata ls "It's \"odd\" \$HOME"`},
	{`mailstrata ls a:`, `mailstrata ls a:b`},
	{`mailstrata ls back`, `mailstrata ls back\\slash`},
	{`mailstrata show anna`, `mailstrata show anna@mail.example@latest`},
	{`mailstrata show anna@`, `mailstrata show anna@mail.example@latest`},
	{`mailstrata show anna@mail.example@l`, `mailstrata show anna@mail.example@latest`},
	{`mailstrata show "anna@`, `mailstrata show "anna@mail.example@latest"`},
	{`mailstrata --repo=x ls "a b" Pro`, `mailstrata --repo=x ls "a b" Projects/New\ Bridge`},
	{`~/bin/mailstrata lis`, `~/bin/mailstrata list`},
}

// TestTab presses Tab in real shells, at a terminal.
func TestTab(t *testing.T) {
	for shell, start := range map[string]struct{ script, rc, file string }{
		"bash": {bashCompletion, `PS1='READY> '; PATH=~/bin:$PATH; source ~/completion
bind 'set enable-bracketed-paste off'; bind 'set bell-style none'
show() { printf '\001%s\002' "$READLINE_LINE"; READLINE_LINE=; }; bind -x '"\C-xt": show'
`, ".bashrc"},
		"zsh": {zshCompletion, `PS1='READY> '; PATH=~/bin:$PATH; setopt no_beep no_prompt_cr
autoload -U compinit; compinit -u -D; source ~/completion
show() { printf '\001%s\002' "$BUFFER"; BUFFER=; zle accept-line }; zle -N show; bindkey '^Xt' show
`, ".zshrc"},
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			path := need.Program(t, shell, "apt-get install "+shell)
			home := offering(t, start.script)
			if err := os.WriteFile(filepath.Join(home, start.file), []byte(start.rc), 0o600); err != nil {
				t.Fatal(err)
			}
			master, slave := testbed.OpenPTY(t, 200)
			command := exec.CommandContext(t.Context(), path, "-i")
			command.Env = []string{"HOME=" + home, "ZDOTDIR=" + home, "PATH=" + os.Getenv("PATH"), "TERM=dumb", "INPUTRC=/dev/null"}
			command.Dir, command.Stdin, command.Stdout, command.Stderr = home, slave, slave, slave
			command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			slave.Close()
			defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
			shown := &shown{t: t, terminal: master}
			for _, line := range typedAndDone {
				shown.until("READY> ")
				if _, err := master.WriteString(line.typed + "\t\x18t"); err != nil {
					t.Fatal(err)
				}
				shown.until("\x01")
				if done := shown.until("\x02"); strings.TrimRight(done, " ") != line.done {
					t.Errorf("%s becomes %s, want %s", line.typed, done, line.done)
				}
			}
		})
	}
}

// shown returns what a terminal shows.
type shown struct {
	t        *testing.T
	terminal *os.File
	left     []byte
}

// until reads up to a mark, and returns what came before it.
func (s *shown) until(mark string) string {
	s.t.Helper()
	buffer := make([]byte, 4096)
	for {
		if before, rest, found := bytes.Cut(s.left, []byte(mark)); found {
			s.left = rest
			return string(before)
		}
		n, err := s.terminal.Read(buffer)
		if err != nil {
			s.t.Fatalf("%v; the terminal shows %q", err, s.left)
		}
		s.left = append(s.left, buffer[:n]...)
	}
}

// TestFishTab asks fish for the completions, which fish quotes in its way.
func TestFishTab(t *testing.T) {
	path := need.Program(t, "fish", "apt-get install fish")
	home := offering(t, fishCompletion)
	script, want := "set PATH ~/bin $PATH; source ~/completion\n", ""
	for _, c := range []struct{ typed, offered string }{
		{`mailstrata lis`, "list\tLists\n"},
		{`mailstrata ls Pro`, "Projects/New Bridge\t8 messages\n"},
		{`mailstrata ls "Pro`, "Projects/New Bridge\t8 messages\n"},
		{`mailstrata ls 'Pro`, "Projects/New Bridge\t8 messages\n"},
		{`mailstrata ls Projects/New\ B`, "Projects/New Bridge\t8 messages\n"},
		{`mailstrata ls "It's \"o`, "It's \"odd\" $HOME\t3 messages\n"},
		{`mailstrata ls back`, "back\\slash\tanother\n"},
		{`mailstrata show anna@`, "anna@mail.example@latest\tthe newest\n"},
	} {
		script += "complete -C '" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(c.typed) + "'\n"
		want += c.offered
	}
	command := exec.Command(path, "--no-config", "-c", script)
	command.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TERM=dumb"}
	offered, err := command.CombinedOutput()
	if err != nil || string(offered) != want {
		t.Errorf("%v: fish offers\n%swant\n%s", err, offered, want)
	}
}

// offering creates a home directory with the completion of a shell, and a program for it to ask.
func offering(t *testing.T, script string) string {
	t.Helper()
	home := t.TempDir()
	err := os.Mkdir(filepath.Join(home, "bin"), 0o700)
	for name, text := range map[string]string{"bin/mailstrata": offeringProgram, "completion": script} {
		if err == nil {
			err = os.WriteFile(filepath.Join(home, name), []byte(text), 0o700)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return home
}

// In a real bash, Tab completes as the program does, also names with spaces, '@' and ':'.
func TestBashCompletion(t *testing.T) {
	need.Program(t, "bash", "apt-get install bash")
	dir := t.TempDir()
	script := filepath.Join(dir, "mailstrata.bash")
	if err := os.WriteFile(script, []byte(bashCompletion), 0o600); err != nil {
		t.Fatal(err)
	}
	fake := "#!/bin/sh\nshift 2\nfor last; do :; done\necho \"$#:$last\" >>" + dir + "/asked\n" +
		"case $last in anna@*) printf 'anna@mail.example@latest\\tx\\n';; Pro*) printf 'Projects/New Bridge\\t8 messages\\n';; *) printf 'list\\tLists\\nls\\tLists too\\n';; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "mailstrata"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	const driver = `source "$1"
ask() { # the line; then the words as bash splits them
    COMP_LINE=$1; COMP_POINT=${#1}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _mailstrata; printf '[%s]' "${COMPREPLY[@]}"; echo
}
ask 'mailstrata l' mailstrata l
ask 'mailstrata ' mailstrata ''
ask 'mailstrata show anna@' mailstrata show anna @
ask 'mailstrata show anna@ma' mailstrata show anna @ma
ask 'mailstrata ls latest Projects/N' mailstrata ls latest Projects/N
ask 'mailstrata ls latest "Projects/New B' mailstrata ls latest '"Projects/New B'
ask 'mailstrata --repo s3:https://x/y list ' mailstrata --repo s3 : https : //x/y list ''
`
	command := exec.Command("bash", "-c", driver, "bash", script)
	command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	shown, err := command.CombinedOutput()
	want := `[list][ls]
[list][ls]
[@mail.example@latest]
[@mail.example@latest]
[Projects/New\ Bridge]
[Projects/New Bridge]
[list][ls]
`
	if err != nil || string(shown) != want {
		t.Errorf("%v:\n%s\nwant:\n%s", err, shown, want)
	}
	asked, _ := os.ReadFile(filepath.Join(dir, "asked"))
	if want := "1:l\n1:\n2:anna@\n2:anna@ma\n3:Projects/N\n3:Projects/New B\n4:\n"; string(asked) != want {
		t.Errorf("it asked %q, want %q", asked, want)
	}
}
