package main

import (
	"encoding/json"

	"github.com/yuin/goldmark/ast"
)

// A section is what the search finds: what stands below one heading of a page.
type section struct {
	Page    string `json:"page"` // its title
	Heading string `json:"heading"`
	At      string `json:"at"` // address in the site, with the heading
	Text    string `json:"text"`
}

// sections divides a page at its headings.
func (p *page) sections() []section {
	var found []section
	current := section{Page: p.title, Heading: p.title, At: address(p.file)}
	for n := p.tree.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		if !ok {
			current.Text += plain(n, p.source) + " "
			continue
		}
		if n.PreviousSibling() == nil {
			continue // the title
		}
		found = append(found, current)
		id, _ := h.AttributeString("id")
		current = section{Page: p.title, Heading: plain(h, p.source), At: address(p.file) + "#" + string(id.([]byte))}
	}
	return append(found, current)
}

// index returns the sections as a script, which a page can load from a disk too.
func index(sections []section) ([]byte, error) {
	data, err := json.Marshal(sections)
	if err != nil {
		return nil, err
	}
	return append(append([]byte("const sections = "), data...), ";\n"...), nil
}
