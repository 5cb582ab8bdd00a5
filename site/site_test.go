package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/internal/testbed/chromium"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// siteOfTree is the site of this tree.
func siteOfTree(t *testing.T) fs.FS {
	t.Helper()
	out := t.TempDir()
	if err := build(os.DirFS(".."), out); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(out)
}

// Every link and every address of a page leads to a file of the site, and to an id in it, or to
// another site by a link alone: nothing is loaded from elsewhere.
func TestLinks(t *testing.T) {
	site := siteOfTree(t)
	ids, links := map[string]bool{}, map[string][]string{} // file#id; file → what it refers to
	pages := 0
	err := fs.WalkDir(site, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(file) != ".html" {
			return err
		}
		pages++
		data, err := fs.ReadFile(site, file)
		if err != nil {
			return err
		}
		tree, err := html.Parse(bytes.NewReader(data))
		if err != nil {
			return err
		}
		for n := range tree.Descendants() {
			for _, a := range n.Attr {
				switch a.Key {
				case "id":
					ids[file+"#"+a.Val] = true
				case "href", "src":
					if strings.Contains(a.Val, ":") {
						if n.Data != "a" {
							t.Errorf("%s loads %s", file, a.Val)
						}
						continue
					}
					links[file] = append(links[file], a.Val)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages < 40 {
		t.Errorf("the site has %d pages", pages)
	}
	for from, all := range links {
		for _, to := range all {
			u, err := url.Parse(to)
			if err != nil {
				t.Fatal(err)
			}
			file := from
			if u.Path != "" {
				file = path.Join(path.Dir(from), u.Path)
			}
			if _, err := fs.Stat(site, file); err != nil {
				t.Errorf("%s: %s: no such page", from, to)
			}
			if u.Fragment != "" && !ids[file+"#"+u.Fragment] {
				t.Errorf("%s: %s: no such heading", from, to)
			}
		}
	}
}

func TestMistakesAreErrors(t *testing.T) {
	whole := func() fstest.MapFS {
		m := fstest.MapFS{}
		for _, c := range contents {
			for _, file := range c.pages {
				m[strings.ReplaceAll(file, "*", "one")] = &fstest.MapFile{Data: []byte("# A page\n\n## Part one\n")}
			}
		}
		return m
	}
	for _, test := range []struct {
		file, text, want string
	}{
		{"docs/config.md", "# Ok\n\n[a](guides/keys.md#part-one) [b](../README.md) [c](https://example.org) [d](#ok)\n", ""},
		{"docs/config.md", "# Bad\n\n[a](nosuch.md)\n", `docs/config.md: the link "nosuch.md" leads to no file`},
		{"docs/config.md", "# Bad\n\n[a](guides/keys.md#part-two)\n", `docs/config.md: the link "guides/keys.md#part-two" leads to no heading`},
		{"docs/config.md", "# Bad\n\n![a](nosuch.svg)\n", "nosuch.svg"},
		{"docs/guides/forgotten.md", "# Forgotten\n", "docs/guides/forgotten.md: no chapter of site/contents.go has it"},
	} {
		tree := whole()
		tree[test.file] = &fstest.MapFile{Data: []byte(test.text)}
		err := build(tree, t.TempDir())
		if got := ""; test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			if err != nil {
				got = err.Error()
			}
			t.Errorf("%s with %q: %q, want %q", test.file, test.text, got, test.want)
		}
	}
}

// A reader searches by the keyboard, in a browser. Nothing is asked of another host.
func TestSearch(t *testing.T) {
	server := httptest.NewServer(http.FileServerFS(siteOfTree(t)))
	defer server.Close()
	canary := chromium.NewCanary(t)
	tab := chromium.Start(t, canary).Open(t)
	if err := tab.Go(t, server.URL+"/guides/keys.html"); err != nil {
		t.Fatal(err)
	}
	var first string
	tab.Eval(t, `(() => {
		document.dispatchEvent(new KeyboardEvent("keydown", {key: "/"}));
		const input = document.activeElement;
		input.value = "worst restore";
		input.dispatchEvent(new Event("input"));
		return document.querySelector("#results a").href;
	})()`, &first)
	if !strings.HasPrefix(first, server.URL+"/guides/worst-day.html") {
		t.Errorf("the first result is %s", first)
	}
	if err := tab.Go(t, first); err != nil {
		t.Error(err)
	}
	if calls := canary.Calls(); len(calls) > 0 {
		t.Errorf("the site asks other hosts: %q", calls)
	}
}

// A site that is made again replaces the one that is there.
func TestAgain(t *testing.T) {
	out := t.TempDir()
	for range 2 {
		if err := build(os.DirFS(".."), out); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "index.html")); err != nil {
		t.Error(err)
	}
}
