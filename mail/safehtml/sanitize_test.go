package safehtml_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/mail/safehtml"
)

const gif = "GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

var gifURL = "data:image/gif;base64," + base64.StdEncoding.EncodeToString([]byte(gif))

// refs keeps links as they are, and has two entities.
var refs = safehtml.References{
	Link: func(url string) string { return url },
	Image: func(id string) []byte {
		switch id {
		case "logo@example.org":
			return []byte(gif)
		case "drawing@example.org":
			return []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)
		}
		return nil
	},
}

func sanitize(document string) string { return string(safehtml.Sanitize(document, refs).HTML) }

const linked = `rel="noopener noreferrer nofollow" target="_blank" `

// Each document keeps what is harmless in it, and nothing else.
func TestSanitize(t *testing.T) {
	note := func(text string) string {
		return `<span style="display: inline-block; max-width: 100%; box-sizing: border-box; overflow: hidden; overflow-wrap: normal; border: 1px dashed #767676; color: #595959; background-color: #ffffff; font-size: 12px; padding: 1px 4px">` + text + `</span>`
	}
	for _, test := range []struct{ name, document, want string }{
		{"text", "a &lt; b &amp;&nbsp;c", "a &lt; b &amp;\u00a0c"},
		{"document", "<!DOCTYPE html><html><head><title>t</title></head><body>x</body></html>", "<div>x</div>"},
		{"colors of the body", `<body bgcolor="#eee">x</body>y`, `<div style="background-color: #eee">xy</div>`},
		{"controls", "a\x00b\x1bc&#1;d\r\ne", "abcd\ne"},
		{"comments", "a<!-- b --><![CDATA[c]]><!--[if mso]>d<![endif]--><![if !mso]>e<![endif]>", "ae"},

		{"script", `a<script>alert(1)</script>b<SCRIPT SRC=//x.example/></SCRIPT>c`, "abc"},
		{"style sheet", `<style>b{}</style>x`, "x"},
		{"noscript", `<noscript><b>x</b></noscript>`, "<b>x</b>"},
		{"svg", `<svg onload=alert(1)><script>1</script><text>x</text></svg>y`, "xy"},
		{"form", `<form action=//x.example><input name=a><button>Send</button><textarea><b></textarea></form>`, "Send&lt;b&gt;"},
		{"frames", `<iframe src=//x.example>a</iframe><object data=//x.example>b</object><embed src=//x.example>`, "b"},
		{"plaintext", `<plaintext><b>x</b>`, "<pre>&lt;b&gt;x&lt;/b&gt;</pre>"},
		{"events", `<b onclick=alert(1) id=x class=y name=z data-a=b>x</b>`, "<b>x</b>"},

		{"paragraphs", "<p>a<p><b>b<p>c</b>d", "<p>a</p><p><b>b</b></p><p><b>c</b>d</p>"},
		{"items", "<ul><li>a<li>b<ul><li>c</ul><li>d</ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"},
		{"cells", "<table><tr><td>a<td>b<tr><th>c</table>d", "<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>d"},
		{"a cell cannot end what is around the table", "<div><table><tr><td></div>a</table>b</div>c", "<div><table><tr><td>a</td></tr></table>b</div>c"},
		{"fonts in the wrong order", `<b><i>a</b>b</i>c`, "<b><i>a</i></b><i>b</i>c"},
		{"end tags alone", "</div></p></td>a</br>", "a<br>"},

		{"attributes", `<td width=" 50% " height=1e9 bgcolor=red onload=x colspan=2 COLSPAN=3>`, `<td bgcolor="red" colspan="2" width="50%"></td>`},
		{"link", "<a href=' HTTPS://x.example/?a=1&amp;b=%22\n' title=no target=_top>y</a>", `<a href="https://x.example/?a=1&amp;b=%22" ` + linked + `title="https://x.example/?a=1&amp;b=%22">y</a>`},
		{"mailto", "<a href=mailto:a@x.example>y</a>", `<a href="mailto:a@x.example" ` + linked + `title="mailto:a@x.example">y</a>`},
		{"links that are none", "<a href=javascript:alert(1)>a</a><a href='java\nscript:1'>b</a><a href=&#x6a;avascript:1>c</a><a href=data:text/html,x>d</a><a href=#x>e</a><a href=/x>f</a><a href=//x.example>g</a><a>h</a><a href=file:///etc>i</a>", "abcdefghi"},

		{"image of the message", `<img src="cid:logo@example.org" alt="x" onerror=alert(1) srcset="//x.example 2x" width=10>`, `<img src="` + gifURL + `" alt="x" width="10">`},
		{"image with an escaped ID", `<img src="CID:logo%40example.org">`, `<img src="` + gifURL + `">`},
		{"image in the document", `<img src="data:text/html;base64, R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==">`, `<img src="` + gifURL + `">`},
		{"drawing", `<img src=cid:drawing@example.org><img src=cid:none alt=y><img src="data:image/svg+xml;base64,PHN2Zy8+"><img>`,
			note("[image not shown]") + note("y [image not shown]") + note("[image not shown]")},
		{"remote image", `<img src="http://user@x.example:80/pixel?id=1" alt="a<b" width=1>`, note("a&lt;b [image at x.example]")},
		{"remote image without a scheme", `<img src="//x.example/a">`, note("[image at x.example]")},

		{"style", `<p style="COLOR : red;font:12px/1.5 'A B',serif; margin:0 -1px!important;x:y;width:calc(1px + 2%)">x`,
			`<p style="color: red; font: 12px/1.5 &#39;A B&#39;,serif; margin: 0 -1px!important; width: calc(1px + 2%)">x</p>`},
		{"styles that load", `<b style="background:url(//x.example);background:u\72l(//x.example);list-style:image-set('x');color:var(--x);background-image:none;width:expression(1);font-family:'a">x</b>`, "<b>x</b>"},
		{"styles out of place", `<b style="position:fixed;top:0;z-index:1;transform:none;behavior:none;-moz-binding:none;animation:x">x</b>`, "<b>x</b>"},
		{"styles with comments and braces", `<b style="color:/**/red;color:red}b{color:blue;color:@import">x</b>`, "<b>x</b>"},
		{"styles with a URL in pieces", `<b style="color:red;background:url('a;color:green;b')">x</b>`, `<b style="color: red; color: green">x</b>`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := sanitize(test.document); got != test.want {
				t.Errorf("the result of %s is\n%s\nand should be\n%s", test.document, got, test.want)
			}
		})
	}
}

func TestSanitizeReportsHostsOfImages(t *testing.T) {
	result := safehtml.Sanitize("<img src=//b.example/1><img src=http://a.example><img src=//b.example/2><img src=cid:x>", safehtml.References{})
	if want := []string{"a.example", "b.example"}; !slices.Equal(result.Remote, want) || result.Truncated {
		t.Errorf("the hosts are %v", result.Remote)
	}
}

// Documents that are made to take time take as long as others of their size, and memory is bounded.
func TestSanitizeIsLinear(t *testing.T) {
	long := func(unit string) string { return strings.Repeat(unit, (10<<20)/len(unit)) }
	image := func(string) []byte { return []byte(gif + strings.Repeat("x", 1<<20)) }
	for name, document := range map[string]string{
		"nested":       long("<div>"),
		"fonts":        strings.Repeat("<b>", 190) + long("<p>"),
		"tables":       long("<table><td>"),
		"ends":         strings.Repeat("<b>", 190) + long("</i>"),
		"escapes":      long(`"`),
		"style":        `<b style="` + long(`\61 `) + `">`,
		"styles":       long(`<b style="color:red;color:((((((">`),
		"attributes":   `<b ` + long("a=1 ") + `>`,
		"attribute":    `<a href="` + long("http://") + `">`,
		"quotes":       long(`<b style="'`),
		"angles":       long("<"),
		"tags":         long("</"),
		"comments":     long("<!--"),
		"scripts":      long("<script><!--"),
		"references":   long("&amp"),
		"images":       long("<img src=cid:x>"),
		"remote":       long("<img src=//x.example/>"),
		"bad encoding": long("\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			result := safehtml.Sanitize(document, safehtml.References{Link: refs.Link, Image: image})
			if len(result.HTML) > safehtml.MaxOutput || !result.Truncated {
				t.Errorf("%d bytes, truncated: %t", len(result.HTML), result.Truncated)
			}
			t.Logf("%s: %d bytes in %v", name, len(result.HTML), time.Since(begin))
		})
	}
}
