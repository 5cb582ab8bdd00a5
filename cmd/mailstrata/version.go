package main

import (
	"runtime"
)

type versionCommand struct{}

func (*versionCommand) Help() string {
	return exitStatus
}

// formatVersion is the version of docs/format.md.
const formatVersion = 1

func (*versionCommand) Run(p *program) error {
	if p.json {
		return p.PrintJSON(struct {
			Version string `json:"version"`
			Format  int    `json:"format"`
			Go      string `json:"go"`
			OS      string `json:"os"`
			Arch    string `json:"arch"`
		}{version(), formatVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH})
	}
	p.Printf("mailstrata %s, format %d, %s %s/%s", version(), formatVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
