// Package e2e has only tests: what mailstrata promises, tested from outside. The program is built
// as it is shipped and run as its users run it, against real mail servers and real object stores of
// package testbed, over sockets.
//
// A separate IMAP reader (wire_test.go), which shares no line with the program, reads what an
// account has before and after. Public tools alone read what a repository has (contrib/restore.py).
package e2e
