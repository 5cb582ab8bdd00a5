package main

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A chapter is a group of pages in the contents, which stand beside each page.
type chapter struct {
	title string
	pages []string // Markdown files, by path in the tree
}

// contents is the order of all pages. The file README.md of the tree is the first page.
var contents = []chapter{
	{"", []string{"README.md"}},
	{"Guides", []string{
		"docs/guides/first-backup.md",
		"docs/guides/worst-day.md",
		"docs/guides/browse.md",
		"docs/search.md",
		"docs/guides/gmail.md",
		"docs/guides/microsoft365.md",
		"docs/guides/dovecot.md",
		"docs/guides/jmap.md",
		"docs/guides/calendars.md",
		"docs/guides/files.md",
		"docs/guides/moving.md",
		"docs/guides/new-provider.md",
		"docs/guides/preserved.md",
		"docs/guides/keys.md",
		"docs/guides/erase.md",
	}},
	{"Reference", []string{
		"docs/config.md",
		"docs/nightly.md",
		"docs/stores.md",
		"docs/oauth.md",
		"docs/json.md",
		"docs/security.md",
		"docs/upgrading.md",
		"docs/performance.md",
		"docs/format.md",
	}},
	{"Design", []string{
		"docs/design.md",
		"docs/design/*.md",
	}},
	{"Project", []string{
		"CHANGELOG.md",
		"CONTRIBUTING.md",
		"SECURITY.md",
	}},
}

// expand returns the contents with patterns replaced by the files of tree. A file of docs that no
// chapter names is an error, so that no page is forgotten.
func expand(tree fs.FS) ([]chapter, error) {
	var chapters []chapter
	named := map[string]bool{}
	for _, c := range contents {
		var files []string
		for _, pattern := range c.pages {
			found, err := fs.Glob(tree, pattern)
			if err != nil || len(found) == 0 {
				return nil, fmt.Errorf("%s: no such file", pattern)
			}
			files = append(files, found...)
		}
		for _, file := range files {
			named[file] = true
		}
		chapters = append(chapters, chapter{c.title, files})
	}
	err := fs.WalkDir(tree, "docs", func(file string, d fs.DirEntry, err error) error {
		if err == nil && path.Ext(file) == ".md" && !named[file] {
			return fmt.Errorf("%s: no chapter of site/contents.go has it", file)
		}
		return err
	})
	return chapters, err
}

// address is where the page of a Markdown file is in the site.
func address(file string) string {
	if file == "README.md" {
		return "index.html"
	}
	page, ofDocs := strings.CutPrefix(file, "docs/")
	if !ofDocs {
		page = "project/" + strings.ToLower(page) // SECURITY.md is not docs/security.md
	}
	return strings.TrimSuffix(page, ".md") + ".html"
}

// all returns the files of all chapters, in their order.
func all(chapters []chapter) []string {
	var files []string
	for _, c := range chapters {
		files = slices.Concat(files, c.pages)
	}
	return files
}
