package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"path"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// A page is a Markdown file that was read.
type page struct {
	file     string
	title    string
	source   []byte
	tree     ast.Node
	headings map[string]bool // their ids, as GitHub makes them
}

// markdown reads what GitHub reads. HTML in a file is left out: the files have comments alone.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
)

// readPage parses a Markdown file.
func readPage(file string, source []byte) *page {
	p := &page{file: file, source: source, headings: map[string]bool{}}
	p.tree = markdown.Parser().Parse(text.NewReader(source),
		parser.WithContext(parser.NewContext(parser.WithIDs(newIDs()))))
	for h := range headingsOf(p.tree) {
		if id, ok := h.AttributeString("id"); ok {
			p.headings[string(id.([]byte))] = true
		}
		if h.Level == 1 && p.title == "" {
			p.title = plain(h, source)
		}
	}
	p.title = cmp.Or(p.title, file)
	return p
}

//go:embed page.html
var layout string

var pageTemplate = template.Must(template.New("page").Parse(layout))

// An entry is a line of the contents beside a page.
type entry struct {
	Title, Address string
	Here           bool
}

type entries struct {
	Title string
	Pages []entry
}

// render returns the page as HTML. Its links must have been resolved.
func (p *page) render(chapters []chapter, pages map[string]*page) ([]byte, error) {
	var body bytes.Buffer
	if err := markdown.Renderer().Render(&body, p.source, p.tree); err != nil {
		return nil, fmt.Errorf("%s: %w", p.file, err)
	}
	var beside []entries
	for _, c := range chapters {
		e := entries{Title: c.title}
		for _, file := range c.pages {
			e.Pages = append(e.Pages, entry{pages[file].title, relative(p.file, file), file == p.file})
		}
		beside = append(beside, e)
	}
	var out bytes.Buffer
	err := pageTemplate.Execute(&out, map[string]any{
		"Title":    p.title,
		"Root":     strings.Repeat("../", strings.Count(address(p.file), "/")),
		"Body":     template.HTML(body.String()), // of goldmark, which escapes what is not Markdown
		"Contents": beside,
		"Source":   sourceOf(p.file),
	})
	return out.Bytes(), err
}

// relative is the address of one page as a link of another.
func relative(from, to string) string {
	up := strings.Repeat("../", strings.Count(address(from), "/"))
	return path.Clean(up + address(to))
}
