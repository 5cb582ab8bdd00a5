// Site makes a static site of the documentation:
//
//	make site                        # into dist/site
//	go run ./site --out /srv/www     # elsewhere
//
// The pages are the Markdown files of the tree, in the order of contents.go. A link between them
// becomes a link between pages; a link to any other file becomes one to the source on GitHub. A
// link that leads nowhere, or to a heading that does not exist, is an error. The site needs no
// server: it can be opened from a disk. It loads nothing from other hosts, and works without script
// but for the search, which runs in the browser over an index of all sections.
//
// The order of pages is in contents.go, a page in page.go, its links in links.go, the index in
// search.go.
package main
