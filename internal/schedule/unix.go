package schedule

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"path/filepath"
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

func (s *systemd) Install(ctx context.Context, j Job) error {
	dir := filepath.Join(s.Home, ".config", "systemd", "user")
	if own := s.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(own) {
		dir = filepath.Join(own, "systemd", "user")
	}
	for name, text := range systemdUnits(j) {
		if err := write(filepath.Join(dir, name), text); err != nil {
			return fmt.Errorf("write the timer: %w", err)
		}
	}
	return s.all(ctx, []string{"systemctl", "--user", "daemon-reload"}, []string{"systemctl", "--user", "enable", "--now", "mailstrata.timer"})
}

// systemdUnits returns the units by the names of their files. They are those of contrib/systemd, for this program.
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
		"mailstrata.service": `# Written by mailstrata setup.
[Unit]
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
		"mailstrata.timer": `# Written by mailstrata setup.
[Unit]
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

func (*cron) Limit(context.Context) string { return "" }

func (c *cron) Install(ctx context.Context, j Job) error {
	before, err := c.Run(ctx, nil, "crontab", "-l")
	if err != nil && len(bytes.TrimSpace(before)) > 0 {
		return err
	}
	// Without a table, crontab -l fails and prints nothing.
	_, err = c.Run(ctx, []byte(cronTable(string(before), j)), "crontab", "-")
	return err
}

// cronMark begins the comment above the line of setup.
const cronMark = "# mailstrata setup: "

// cronTable returns a table with the job, in place of the one that an earlier setup put there.
func cronTable(before string, j Job) string {
	var b strings.Builder
	skip := false
	for line := range strings.Lines(before) {
		switch {
		case strings.HasPrefix(line, cronMark):
			skip = true
			continue
		case skip:
			skip = false
			continue
		}
		b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	b.WriteString(cronMark + "archives mail; docs/nightly.md\n" + CronLine(j) + "\n")
	return b.String()
}

// CronLine returns the line of a cron table that runs the job. Hosts differ in the minute, so that they do not all come to a
// server at once.
func CronLine(j Job) string {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(j.Program + strings.Join(j.Args, " ")))
	when := fmt.Sprintf("%d 2 * * *", sum.Sum32()%60)
	if j.Hourly {
		when = fmt.Sprintf("%d * * * *", sum.Sum32()%60)
	}
	// In a cron table, % is a line ending (crontab(5)).
	return when + " " + strings.ReplaceAll(j.Line(), "%", `\%`) + " --quiet >/dev/null"
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
		return !strings.ContainsRune("@%+=:,./-_", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
