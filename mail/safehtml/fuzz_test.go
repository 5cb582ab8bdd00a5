package safehtml_test

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/mailstrata/mailstrata/internal/hostile"
	"github.com/mailstrata/mailstrata/mail/safehtml"
)

// The lists of this test are its own, so that a mistake in those of the package does not hide
// itself.
var (
	shown = strings.Fields(`
		html head body a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup
		dd del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark
		menu nav nobr ol p pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th
		thead time tr tt u ul var wbr`)
	described = strings.Fields(`
		align alt bgcolor border cellpadding cellspacing clear color colspan dir face height href lang noshade nowrap open rel
		reversed rowspan scope size span src start style target title type valign width`)
)

// Whatever a document is, a browser finds only allowed elements and attributes in the result, and
// to sanitize it again changes nothing.
func FuzzSanitize(f *testing.F) {
	for _, seed := range append(hostile.Documents(), seeds...) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		once := safehtml.Sanitize(document, refs)
		tree, err := html.Parse(bytes.NewReader(once.HTML))
		if err != nil {
			t.Fatal(err)
		}
		for node := range tree.Descendants() {
			if problem := check(node); problem != "" {
				t.Fatalf("%s, in the result of %q:\n%s", problem, document, once.HTML)
			}
		}
		if twice := safehtml.Sanitize(string(once.HTML), refs); !bytes.Equal(once.HTML, twice.HTML) && !once.Truncated {
			t.Fatalf("%q\nbecomes\n%s\nand then\n%s", document, once.HTML, twice.HTML)
		}
	})
}

// check returns what is not allowed of a node.
func check(node *html.Node) string {
	switch {
	case node.Type == html.CommentNode || node.Type == html.DoctypeNode || node.Namespace != "":
		return "a comment, a document type or a foreign element"
	case node.Type == html.ElementNode && !slices.Contains(shown, node.Data):
		return "element " + node.Data
	}
	for _, a := range node.Attr {
		if !slices.Contains(described, a.Key) || a.Namespace != "" {
			return "attribute " + a.Key
		}
		if problem := checkValue(node.Data, a); problem != "" {
			return problem
		}
	}
	return ""
}

func checkValue(element string, a html.Attribute) string {
	value := strings.ToLower(a.Val)
	switch a.Key {
	case "src":
		kind, content, _ := strings.Cut(a.Val, ";base64,")
		if !slices.Contains([]string{"data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp"}, kind) || element != "img" {
			return "source " + a.Val
		}
		if _, err := base64.StdEncoding.DecodeString(content); err != nil {
			return "source " + a.Val
		}
	case "href":
		u, err := url.Parse(a.Val)
		if err != nil || !slices.Contains([]string{"http", "https", "mailto"}, u.Scheme) || element != "a" {
			return "link to " + a.Val
		}
	case "target":
		if value != "_blank" {
			return "target " + value
		}
	case "style":
		for _, part := range []string{"url", "\\", "@", "expression(", "image(", "image-set", "var(", "attr(", "{", "<", "/*", "position:", "fixed", "binding"} {
			// These words can be names of fonts. With a parenthesis or a colon they cannot.
			if strings.Contains(value, part) && (strings.ContainsAny(part, "(:\\@{</") || strings.Contains(value, part+"(")) {
				return "style " + value
			}
		}
	}
	return ""
}

// seeds are documents by which sanitizers were broken, and such as mail has.
var seeds = []string{
	`<p>a<b>b<p>c</b><table><td><p>x</table>y`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
	`<svg><p><style><img src=x onerror=alert(1)></style>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
	`<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
	`<a href="jav&#x09;ascript:alert(1)">x</a><a href="&#1;javascript:alert(1)">x</a>`,
	`<img src="x` + "`" + `><script>alert(1)</script>"` + "` `>",
	`<template><div><p></template><textarea><img src=x></textarea></title><title>&lt;/title>`,
	`<xmp><p title="</xmp><svg/onload=alert(1)>">`,
	`<select><option><style></select><img src=x onerror=alert(1)></style>`,
	`<table><caption><table><tr><td></caption><p></table></table><tbody><tr><col><th>`,
	`<li><ul><li></li></ul><dd><dt><dl><dd></dl></dt>`,
	`<h1><h2><nobr><nobr><a href=http://x.example><a href=http://y.example>z`,
	`<b style="color:red;background:url(a;b);font:'x' (y)">`,
	`<img src=cid:logo@example.org><img src=//x.example alt="&quot;"><img src=data:image/png;base64,iVBORw0KGgo=>`,
	`<body bgcolor=red text=blue><body style="x"></body><frameset><frame src=x>`,
	"<a\x00b><!--->x<!--><?php ?></ a><//><a/b=c/d>",
	`<details open ontoggle=alert(1)><summary>x</details><div popover id=x>`,
}
