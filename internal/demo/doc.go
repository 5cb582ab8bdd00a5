// Package demo is a mail server in this process: accounts with sample mail, served over IMAP on the
// loopback interface. "mailstrata demo" uses it, and so do the scripts of cmd/mailstrata and
// internal/e2e.
//
//	server, err := demo.Start(demo.Options{})
//	anna, err := server.AddAccount("anna", "secret")
//	err = demo.Fill(anna)
//	… imap://anna@127.0.0.1:port …
//	err = anna.Lose(demo.Lost)
//	server.Close()
//
// It can misbehave as real servers do: it lists messages that it refuses to deliver, and limits
// their size.
//
// The server is emersion/go-imap's, which has LIST-STATUS, ESEARCH and UIDPLUS, and neither
// CONDSTORE nor MULTIAPPEND. It spells flags in lower case.
package demo
