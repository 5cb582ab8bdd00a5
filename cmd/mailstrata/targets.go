package main

import (
	"context"
	"path/filepath"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/maildir"
)

// maildir is a tree of Maildirs as a target.
func (c *restoreCommand) maildir(path string) *destination {
	o := maildir.Options{
		Layout: map[string]maildir.Layout{"maildir++": maildir.MaildirPP, "nested": maildir.Nested}[c.Layout],
		EOL:    map[string]maildir.EOL{"auto": maildir.Auto, "lf": maildir.LF, "keep": maildir.AsIs}[c.EOL],
	}
	return &destination{open: func(context.Context, *program) (archive.Target, error) {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		return maildir.New(absolute, o), nil
	}}
}
