package main

import (
	"fmt"
	"slices"
	"strings"
)

// A target is a platform that a release is built for, by the names that Go has for it.
type target struct {
	os, arch string
}

// targets are the platforms of a release.
var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
	{"freebsd", "amd64"}, {"freebsd", "arm64"},
}

func (t target) String() string { return t.os + "/" + t.arch }

// parseTargets reads a list such as "linux/amd64,darwin/arm64". An empty list is all of them.
func parseTargets(list string) ([]target, error) {
	if list == "" {
		return targets, nil
	}
	var chosen []target
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("%q is no target: use %v", name, targets)
		}
		chosen = append(chosen, targets[i])
	}
	return chosen, nil
}

// program returns the file name of the program.
func (t target) program() string {
	if t.os == "windows" {
		return "mailstrata.exe"
	}
	return "mailstrata"
}
