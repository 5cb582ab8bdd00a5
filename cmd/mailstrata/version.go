package main

import (
	"runtime"

	"github.com/mailstrata/mailstrata/internal/cli"
)

type versionCommand struct{}

func (*versionCommand) Help() string {
	return cli.ExitStatus
}

// formatVersion is the version of docs/format.md.
const formatVersion = 1

func (*versionCommand) Run(p *cli.Program) error {
	if p.JSON {
		return p.PrintJSON(struct {
			Version string `json:"version"`
			Format  int    `json:"format"`
			Go      string `json:"go"`
			OS      string `json:"os"`
			Arch    string `json:"arch"`
		}{cli.Version(), formatVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH})
	}
	p.Printf("mailstrata %s, format %d, %s %s/%s",
		cli.Version(), formatVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
