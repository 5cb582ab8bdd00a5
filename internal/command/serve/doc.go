// Package serve has the command serve.
//
//	serve.go ──► listen.go   the servers and their addresses
//	          └► open.go     opens the page in a browser
package serve
