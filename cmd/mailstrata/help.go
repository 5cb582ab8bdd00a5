package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// forAll ends the heading of flags that every command has.
const forAll = "(all commands):"

// printHelp prints kong's help with what is the command's own first, and what all commands have last.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	var text bytes.Buffer
	stdout := ctx.Stdout
	ctx.Stdout = &text
	err := kong.DefaultHelpPrinter(options, ctx)
	ctx.Stdout = stdout
	if err != nil {
		return err
	}
	var own, common []string
	for block := range strings.SplitSeq(strings.TrimSpace(text.String()), "\n\n") {
		block = strings.TrimPrefix(block, "# ") // go/doc's mark of a heading
		first, _, _ := strings.Cut(block, "\n")
		if strings.HasSuffix(first, forAll) {
			common = append(common, block)
		} else {
			own = append(own, block)
		}
	}
	if ctx.Selected() != nil {
		own = append(own, common...)
	} else {
		last := len(own) - 1 // how to get more help
		own = append(own[:last], append(common, own[last])...)
	}
	_, err = io.WriteString(stdout, strings.Join(own, "\n\n")+"\n")
	return err
}
