// Package chromium runs a headless Chromium for tests of web pages, and reports what pages do in
// it.
//
//	test ──► Browser.Open ──► Page ── Go, Eval, Click, Press, Screenshot      browser.go, page.go, input.go
//	                            │                                             devtools.go: the DevTools protocol, over pipes
//	                            └──► Report: scripts that ran, dialogs,       report.go
//	                                 requests, windows, downloads
//	any host ──────────────────────► Canary: connections                      canary.go
//
// All names of hosts resolve to the Canary, so a page that asks for anything elsewhere connects to
// it. The protocol is spoken over two pipes, by some 100 lines: there is no port that others could
// use, and Chromium ends when the pipes close. chromedp would add a hundred times that to what
// tests compile.
package chromium
