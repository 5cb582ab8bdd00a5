package schedule

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"
)

// launchd is that of the user of macOS (launchd.plist(5)). It catches up after sleep. Built from
// its manual, and not run on macOS.
type launchd struct{ *Host }

const label = "io.mailstrata.run"

func (*launchd) Name() string     { return "a launch agent" }
func (l *launchd) Remove() string { return "launchctl bootout gui/$(id -u)/" + label }
func (*launchd) Session() bool    { return true }

func (*launchd) Limit(context.Context) string { return "" }

func (l *launchd) path() string {
	return filepath.Join(l.Home, "Library", "LaunchAgents", label+".plist")
}

func (l *launchd) Other(_ context.Context, j Job) string {
	text, err := os.ReadFile(l.path())
	if err != nil || strings.Contains(string(text), arguments(j)) {
		return ""
	}
	return l.path()
}

func (l *launchd) Install(ctx context.Context, j Job) error {
	path := l.path()
	if err := write(path, propertyList(j)); err != nil {
		return fmt.Errorf("write the launch agent: %w", err)
	}
	domain := fmt.Sprintf("gui/%d", os.Getuid())
	_, _ = l.Run(ctx, nil, "launchctl", "bootout", domain+"/"+label) // it may not be there
	return l.all(ctx, []string{"launchctl", "bootstrap", domain, path})
}

// propertyList returns the file of launchd.
func propertyList(j Job) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>` + label + `</string>
` + arguments(j))
	if len(j.Environ) > 0 {
		b.WriteString("  <key>EnvironmentVariables</key>\n  <dict>\n")
		for _, variable := range j.Environ {
			name, value, _ := strings.Cut(variable, "=")
			b.WriteString("    <key>" + escape(name) + "</key><string>" + escape(value) + "</string>\n")
		}
		b.WriteString("  </dict>\n")
	}
	when := "<key>Hour</key><integer>2</integer><key>Minute</key><integer>30</integer>"
	if j.Hourly {
		when = "<key>Minute</key><integer>30</integer>"
	}
	b.WriteString("  <key>StartCalendarInterval</key>\n  <dict>" + when + `</dict>
  <key>ProcessType</key><string>Background</string>
  <key>LowPriorityIO</key><true/>
</dict>
</plist>
`)
	return b.String()
}

// arguments returns the command of a job as a property.
func arguments(j Job) string {
	text := "  <key>ProgramArguments</key>\n  <array>\n"
	for _, word := range append([]string{j.Program}, j.Args...) {
		text += "    <string>" + escape(word) + "</string>\n"
	}
	return text + "  </array>\n"
}

// tasks is the Task Scheduler of Windows. It catches up on what was missed. Built from the schema
// of its tasks, and not run on Windows.
type tasks struct{ *Host }

func (*tasks) Name() string   { return "a scheduled task" }
func (*tasks) Remove() string { return "schtasks /Delete /TN mailstrata" }
func (*tasks) Session() bool  { return true }

func (*tasks) Limit(context.Context) string { return "" }

func (t *tasks) Other(ctx context.Context, j Job) string {
	text, err := t.Run(ctx, nil, "schtasks", "/Query", "/TN", "mailstrata", "/XML")
	if err != nil || bytes.Contains(bytes.ReplaceAll(text, []byte{0}, nil), []byte(action(j))) { // it may be UTF-16
		return ""
	}
	return "the task mailstrata"
}

func (t *tasks) Install(ctx context.Context, j Job) error {
	f, err := os.CreateTemp("", "mailstrata-*.xml")
	if err != nil {
		return fmt.Errorf("write the scheduled task: %w", err)
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(wide(taskDefinition(j))); err != nil {
		return fmt.Errorf("write the scheduled task: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the scheduled task: %w", err)
	}
	return t.all(ctx, []string{"schtasks", "/Create", "/F", "/TN", "mailstrata", "/XML", f.Name()})
}

// taskDefinition returns the task (Task Scheduler Schema 1.2). It runs as the user who is logged
// in, without a password.
func taskDefinition(j Job) string {
	repetition := ""
	if j.Hourly {
		repetition = "<Repetition><Interval>PT1H</Interval></Repetition>"
	}
	return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Archives mail (mailstrata setup).</Description></RegistrationInfo>
  <Triggers><CalendarTrigger>` + repetition + `<StartBoundary>2026-01-01T02:30:00</StartBoundary>` +
		`<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger></Triggers>
  <Principals><Principal id="Author"><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <ExecutionTimeLimit>PT13H</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author"><Exec>` + action(j) + `</Exec></Actions>
</Task>
`
}

// action returns the command of a job in a task.
func action(j Job) string {
	var words []string
	for _, arg := range j.Args {
		words = append(words, windowsWord(arg))
	}
	return "<Command>" + escape(j.Program) + "</Command><Arguments>" + escape(strings.Join(words, " ")) + "</Arguments>"
}

// windowsWord quotes an argument as CommandLineToArgvW reads it.
func windowsWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"") {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range word {
		switch r {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes) + `"`)
	return b.String()
}

// wide returns text in UTF-16 with a byte order mark, as schtasks wants it.
func wide(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(strings.ReplaceAll(text, "\n", "\r\n"))) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}

// escape returns text for XML.
func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}
