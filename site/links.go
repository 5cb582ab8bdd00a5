package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// repository is where the files are that are not pages.
const repository = "https://github.com/mailstrata/mailstrata/blob/main/"

func sourceOf(file string) string { return repository + file }

// resolve replaces the links of a page by those of the site. It returns what leads nowhere, as one
// error, and the images of the page, by path in the tree.
func (p *page) resolve(tree fs.FS, pages map[string]*page) (images []string, err error) {
	var problems []error
	_ = ast.Walk(p.tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			to, err := p.link(string(n.Destination), tree, pages)
			if err != nil {
				problems = append(problems, err)
			}
			n.Destination = []byte(to)
		case *ast.Image:
			file := path.Join(path.Dir(p.file), string(n.Destination))
			images = append(images, file)
			n.Destination = []byte(strings.Repeat("../",
				strings.Count(address(p.file), "/")) + "images/" + path.Base(file))
		}
		return ast.WalkContinue, nil
	})
	return images, errors.Join(problems...)
}

// link returns a link of the file as one of its page.
func (p *page) link(to string, tree fs.FS, pages map[string]*page) (string, error) {
	if strings.Contains(to, ":") {
		return to, nil
	}
	at, heading, _ := strings.Cut(to, "#")
	file := p.file
	if at != "" {
		file = path.Join(path.Dir(p.file), at)
	}
	target := pages[file]
	if target == nil {
		if _, err := fs.Stat(tree, file); err != nil {
			return to, fmt.Errorf("%s: the link %q leads to no file", p.file, to)
		}
		return sourceOf(file), nil
	}
	if heading == "" {
		return relative(p.file, file), nil
	}
	if !target.headings[heading] {
		return to, fmt.Errorf("%s: the link %q leads to no heading", p.file, to)
	}
	if at == "" {
		return "#" + heading, nil
	}
	return relative(p.file, file) + "#" + heading, nil
}
