package schedule

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NoCron says that no daemon reads the cron tables, and StartCron how to start one. Containers and
// minimal systems have crontab(1) without it.
const (
	NoCron    = "no daemon of cron runs on this computer, so nothing runs by itself"
	StartCron = "start it as an administrator: systemctl enable --now cron, or service cron start (some systems call it crond)"
)

// CronIsDown reports whether it is known that the lines of cron tables are not run.
func (h *Host) CronIsDown() bool {
	if h.Processes == nil {
		return false
	}
	names := h.Processes()
	isCron := func(name string) bool { return strings.Contains(name, "cron") } // cron, crond, fcron, bcron-start …
	return len(names) > 0 && !slices.ContainsFunc(names, isCron)
}

// Processes returns the names of all processes of this host. It returns nil where only the user's
// own are shown, or where there is no /proc.
func Processes() (names []string) {
	if _, err := os.ReadFile("/proc/1/comm"); err != nil {
		return nil
	}
	files, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return nil
	}
	for _, file := range files {
		if name, err := os.ReadFile(file); err == nil { // else it has ended
			names = append(names, strings.TrimSpace(string(name)))
		}
	}
	return names
}

// CronNext returns when a line of the user's cron table runs mailstrata next. It reads lines that
// run every day or every hour, as setup writes them.
func (h *Host) CronNext(ctx context.Context, now time.Time) (next time.Time, ok bool) {
	table, err := (&cron{h}).table(ctx)
	if err != nil {
		return time.Time{}, false
	}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") || !strings.Contains(line, "mailstrata") {
			continue
		}
		if at, known := nextOf(strings.Fields(line), now); known && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	return next, ok
}

// nextOf returns when a line of a cron table runs next: "5 2 * * *" or "5 * * * *".
func nextOf(fields []string, now time.Time) (next time.Time, known bool) {
	if len(fields) < 6 || fmt.Sprint(fields[2:5]) != "[* * *]" {
		return time.Time{}, false
	}
	minute, err := strconv.Atoi(fields[0])
	if err != nil {
		return time.Time{}, false
	}
	year, month, day := now.Date()
	if fields[1] == "*" {
		next = time.Date(year, month, day, now.Hour(), minute, 0, 0, now.Location())
		if !next.After(now) {
			next = next.Add(time.Hour)
		}
		return next, true
	}
	hour, err := strconv.Atoi(fields[1])
	if err != nil {
		return time.Time{}, false
	}
	next = time.Date(year, month, day, hour, minute, 0, 0, now.Location())
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	return next, true
}
