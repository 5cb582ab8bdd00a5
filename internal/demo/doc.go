// Package demo is a mail server that lives in this process: accounts with sample mail, served over IMAP on a socket of
// the loopback interface. "mailstrata demo" tells its story with it, and the scripts of cmd/mailstrata test against it.
//
//	server, err := demo.Start(demo.Options{})
//	anna, err := server.AddAccount("anna", "secret")
//	err = demo.Fill(anna)
//	… imap://anna@127.0.0.1:port …
//	err = anna.Lose(demo.Lost)
//	server.Close()
//
// It can also misbehave as real servers do: messages that it lists and never delivers, and a limit on what it takes.
//
// The server is emersion/go-imap's, which knows LIST-STATUS, ESEARCH and UIDPLUS, and neither CONDSTORE nor MULTIAPPEND.
// It spells flags in lower case.
package demo
