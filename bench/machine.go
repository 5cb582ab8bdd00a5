package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine returns the machine and the versions of the programs, in lines of a Markdown list.
func (b *bench) machine(ctx context.Context) string {
	said := func(name string, args ...string) string {
		out, err := exec.CommandContext(ctx, name, args...).Output()
		if err != nil {
			return "unknown"
		}
		line, _, _ := strings.Cut(string(out), "\n")
		return strings.TrimSpace(line)
	}
	loads, _ := os.ReadFile("/proc/loadavg")
	load, _, _ := strings.Cut(string(loads), " ")
	var text strings.Builder
	fmt.Fprintf(&text, "- %s, %d cores, Linux %s, %s; load when it began: %s\n", processor(), runtime.NumCPU(), said("uname", "-r"),
		said("findmnt", "-n", "-o", "FSTYPE", "-T", b.dir), load)
	fmt.Fprintf(&text, "- %s\n", said(b.program, "version"))
	fmt.Fprintf(&text, "- %s; %s\n", said("mbsync", "--version"), said("restic", "version"))
	fmt.Fprintf(&text, "- Dovecot %s; MinIO as pinned in testbed/minio; %s\n",
		said("dovecot", "--version"), runtime.Version())
	fmt.Fprintf(&text, "- %s\n", time.Now().UTC().Format("2006-01-02"))
	return text.String()
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return runtime.GOARCH
}
