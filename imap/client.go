package imap

import "github.com/mailstrata/mailstrata/mail"

// Client is a connection that is logged in to an account. It is used by one goroutine at a time.
type Client struct {
	*conn

	spaces    []mail.Namespace // once asked for
	asked     bool             // for the namespaces
	flags     flagCache
	plain     bool // no attributes of extensions: the server answered BAD to them
	plainList bool // no extended LIST: the server refused it
}
