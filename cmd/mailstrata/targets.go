package main

import (
	"context"

	"github.com/mailstrata/mailstrata/eml"
	"github.com/mailstrata/mailstrata/maildir"
	"github.com/mailstrata/mailstrata/restore"
)

// maildir is a tree of Maildirs as a target.
func (c *restoreCommand) maildir(path string) *destination {
	o := maildir.Options{
		Layout: map[string]maildir.Layout{"maildir++": maildir.MaildirPP, "nested": maildir.Nested}[c.Layout],
		EOL:    map[string]maildir.EOL{"auto": maildir.Auto, "lf": maildir.LF, "keep": maildir.AsIs}[c.EOL],
	}
	return &destination{open: func(context.Context, *program) (restore.Target, error) {
		return maildir.New(path, o), nil
	}}
}

// eml is a tree of .eml files as a target.
func (c *restoreCommand) eml(path string) *destination {
	return &destination{open: func(context.Context, *program) (restore.Target, error) { return eml.New(path), nil }}
}
