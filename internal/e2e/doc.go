// Package e2e holds tests only: the promises of mailstrata, tried from outside. The program is built as it is shipped and
// run as its users run it, against real mail servers and real object stores of package testbed, over sockets.
//
// What an account holds before and after is read by a reader of the tests' own (wire_test.go), which shares no line with
// package imap; what a repository holds is read by public tools alone (contrib/restore.py).
package e2e
