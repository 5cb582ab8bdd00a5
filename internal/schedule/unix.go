package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// systemd is the user's own systemd. Its timers catch up on what was missed while the host was off.
type systemd struct{ *Host }

func (*systemd) Name() string   { return "a systemd timer" }
func (*systemd) Remove() string { return "systemctl --user disable --now mailstrata.timer" }
func (*systemd) Session() bool  { return true }

// Limit asks whether the user's systemd lingers, that is, runs without a login (loginctl(1)).
func (s *systemd) Limit(ctx context.Context) string {
	lingers, err := s.Run(ctx, nil, "loginctl", "show-user", "--property=Linger", "--value")
	if err != nil || string(bytes.TrimSpace(lingers)) != "no" {
		return ""
	}
	return "It runs only while you are logged in; \"loginctl enable-linger\" lets it run always, if no password is in the keyring."
}

// directory returns where the units of the user are.
func (s *systemd) directory() string {
	if own := s.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(own) {
		return filepath.Join(own, "systemd", "user")
	}
	return filepath.Join(s.Home, ".config", "systemd", "user")
}

// unitMark begins the units that setup writes.
const unitMark = "# Written by mailstrata setup.\n"

func (s *systemd) Other(_ context.Context, j Job) string {
	units := systemdUnits(j)
	for _, name := range slices.Sorted(maps.Keys(units)) {
		path := filepath.Join(s.directory(), name)
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if !bytes.HasPrefix(text, []byte(unitMark)) {
			return path
		}
		if runs := execStart(string(text)); runs != execStart(units[name]) {
			return runs
		}
	}
	return ""
}

// execStart returns the command of a unit.
func execStart(unit string) string {
	for line := range strings.Lines(unit) {
		if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
			return strings.TrimSpace(command)
		}
	}
	return ""
}

func (s *systemd) Install(ctx context.Context, j Job) error {
	for name, text := range systemdUnits(j) {
		if err := write(filepath.Join(s.directory(), name), text); err != nil {
			return fmt.Errorf("write the timer: %w", err)
		}
	}
	return s.all(ctx, []string{"systemctl", "--user", "daemon-reload"}, []string{
		"systemctl", "--user", "enable", "--now", "mailstrata.timer",
	})
}

// systemdUnits returns the units by the names of their files. They are those of contrib/systemd,
// for this program.
func systemdUnits(j Job) map[string]string {
	when := "OnCalendar=*-*-* 02:30:00\nRandomizedDelaySec=1h"
	if j.Hourly {
		when = "OnCalendar=hourly\nRandomizedDelaySec=10min"
	}
	words := []string{systemdWord(j.Program)}
	for _, arg := range j.Args {
		words = append(words, systemdWord(arg))
	}
	environ := ""
	for _, variable := range j.Environ {
		environ += "Environment=" + systemdWord(variable) + "\n"
	}
	return map[string]string{
		"mailstrata.service": unitMark + `[Unit]
Description=Archive mail
Documentation=https://github.com/mailstrata/mailstrata/blob/main/docs/nightly.md

[Service]
Type=oneshot
` + environ + "ExecStart=" + strings.Join(words, " ") + `
TimeoutStartSec=13h
TimeoutStopSec=2min
Nice=10
IOSchedulingClass=idle
MemoryMax=512M
TasksMax=128
NoNewPrivileges=yes
`,
		"mailstrata.timer": unitMark + `[Unit]
Description=Archive mail
Documentation=https://github.com/mailstrata/mailstrata/blob/main/docs/nightly.md

[Timer]
` + when + `
Persistent=yes

[Install]
WantedBy=timers.target
`,
	}
}

// systemdWord quotes a word for a unit (systemd.syntax(7), systemd.service(5)).
func systemdWord(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`, "\n", `\n`).Replace(word) + `"`
}

// cron is the table of the user. It has no keyring, and does not catch up.
type cron struct{ *Host }

func (*cron) Name() string   { return "a line in your cron table" }
func (*cron) Remove() string { return "crontab -e, and delete the lines of mailstrata" }
func (*cron) Session() bool  { return false }

func (c *cron) Limit(context.Context) string {
	if !c.CronIsDown() {
		return ""
	}
	return "But " + NoCron + ". To " + StartCron + "."
}

// table returns the table of the user. Without one, crontab -l fails and prints nothing. If it does
// not answer, the table is not known, and must not be replaced.
func (c *cron) table(ctx context.Context) (string, error) {
	before, err := c.Run(ctx, nil, "crontab", "-l")
	var exit *exec.ExitError
	killed := errors.As(err, &exit) && !exit.Exited() || errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil
	if err != nil && (killed || len(bytes.TrimSpace(before)) > 0) {
		return "", err
	}
	return string(before), nil
}

func (c *cron) Other(ctx context.Context, j Job) string {
	table, err := c.table(ctx)
	if err != nil {
		return "" // Install has the same error
	}
	marked := false
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if marked && strings.HasSuffix(line, cronEnd) && cronCommand(line) != cronCommand(cronLine(j)) {
			return cronCommand(line)
		}
		marked = strings.HasPrefix(line, cronMark)
	}
	return ""
}

// cronCommand returns a line without its time.
func cronCommand(line string) string {
	fields := strings.SplitN(line, " ", 6)
	return fields[len(fields)-1]
}

func (c *cron) Install(ctx context.Context, j Job) error {
	before, err := c.table(ctx)
	if err != nil {
		return err
	}
	_, err = c.Run(ctx, []byte(cronTable(before, j)), "crontab", "-")
	return err
}

// cronMark begins the comment above the line of setup, and cronEnd ends that line.
const (
	cronMark = "# mailstrata setup: "
	cronEnd  = " --quiet >/dev/null"
)

// cronTable returns a table with the job, in place of the one that an earlier setup put there.
// Somebody may have deleted that line and left its comment.
func cronTable(before string, j Job) string {
	var b strings.Builder
	marked := false
	for line := range strings.Lines(before) {
		line = strings.TrimSuffix(line, "\n")
		own := marked && strings.HasSuffix(line, cronEnd)
		if marked = strings.HasPrefix(line, cronMark); !marked && !own {
			b.WriteString(line + "\n")
		}
	}
	b.WriteString(cronMark + "archives mail; docs/nightly.md\n" + cronLine(j) + "\n")
	return b.String()
}

// cronLine returns the line of a cron table that runs the job. Hosts differ in the minute, so that
// they do not all come to a server at once.
func cronLine(j Job) string {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(j.Program + strings.Join(j.Args, " ")))
	when := fmt.Sprintf("%d 2 * * *", sum.Sum32()%60)
	if j.Hourly {
		when = fmt.Sprintf("%d * * * *", sum.Sum32()%60)
	}
	// In a cron table, % is a line ending (crontab(5)).
	return when + " " + strings.ReplaceAll(j.Line(), "%", `\%`) + cronEnd
}

// Line returns the job as a line for a shell.
func (j *Job) Line() string {
	var words []string
	for _, variable := range j.Environ {
		name, value, _ := strings.Cut(variable, "=")
		words = append(words, name+"="+shellWord(value))
	}
	words = append(words, shellWord(j.Program))
	for _, arg := range j.Args {
		words = append(words, shellWord(arg))
	}
	return strings.Join(words, " ")
}

// shellWord quotes a word for a shell, unless it needs no quotes.
func shellWord(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("@%+=:,./-_", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') &&
			(r < 'A' || r > 'Z')
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
