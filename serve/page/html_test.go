package page_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// void are the elements without an end tag.
var void = map[string]bool{"meta": true, "link": true, "img": true, "input": true, "br": true, "hr": true}

// mustNest requires that tags of a page nest, that each id is there once, and that a parser changes
// nothing of its structure.
func mustNest(t *testing.T, address, text string) {
	t.Helper()
	var open []string
	ids := map[string]bool{}
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("%s: %v are open at the end", address, open)
			}
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			for _, a := range token.Attr {
				if a.Key == "id" && ids[a.Val] {
					t.Errorf("%s: the id %q is there twice", address, a.Val)
				} else if a.Key == "id" {
					ids[a.Val] = true
				}
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" && !strings.HasPrefix(address, "frame?") {
					t.Errorf("%s: attribute %s", address, a.Key)
				}
			}
			if !void[token.Data] && token.Type == html.StartTagToken {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			token := z.Token()
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Errorf("%s: </%s> within %v", address, token.Data, open)
				return
			}
			open = open[:len(open)-1]
		}
	}
}
