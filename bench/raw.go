package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// rawRead is the first argument of a call that reads the account of a user on a server: all
// messages, on as many connections as mailstrata has, and discards them.
const (
	rawRead     = "raw-read"
	connections = 4
	window      = 500 // messages a command
)

type windowOf struct {
	mailbox     string // as the server wrote it
	first, last int
}

func readAll(address, user, ca string) error {
	config, err := trust(ca)
	if err != nil {
		return err
	}
	c, err := dial(address, user, config)
	if err != nil {
		return err
	}
	windows, err := c.survey()
	if err != nil {
		return err
	}
	queue := make(chan windowOf, len(windows))
	for _, w := range windows {
		queue <- w
	}
	close(queue)
	var g errgroup.Group
	for range connections {
		g.Go(func() error {
			c, err := dial(address, user, config)
			if err != nil {
				return err
			}
			return c.readWindows(queue)
		})
	}
	return g.Wait()
}

// wire is a connection to an IMAP server that is known.
type wire struct {
	net.Conn
	r *bufio.Reader
}

// trust returns the TLS configuration for a server that presents the certificate in a file. It is
// nil if there is no file.
func trust(ca string) (*tls.Config, error) {
	if ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(ca)
	roots := x509.NewCertPool()
	if err == nil && !roots.AppendCertsFromPEM(pem) {
		err = fmt.Errorf("%s has no certificate", ca)
	}
	return &tls.Config{RootCAs: roots}, err
}

func dial(address, user string, config *tls.Config) (*wire, error) {
	var conn net.Conn
	var err error
	if config != nil {
		conn, err = tls.Dial("tcp", address, config)
	} else {
		conn, err = net.Dial("tcp", address)
	}
	if err != nil {
		return nil, err
	}
	c := &wire{conn, bufio.NewReaderSize(conn, 1<<20)}
	return c, c.do(fmt.Sprintf("LOGIN %q %q", user, password), nil)
}

// do sends a command and reads until its end. each is called for each line; literals are discarded.
func (c *wire) do(command string, each func(line string)) error {
	if _, err := fmt.Fprintf(c, "x %s\r\n", command); err != nil {
		return err
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if each != nil {
			each(string(line))
		}
		switch text := string(line); {
		case strings.HasPrefix(text, "x OK"):
			return nil
		case strings.HasPrefix(text, "x "):
			return errors.New("the server says: " + text)
		case strings.HasSuffix(text, "}\r\n"):
			size, err := strconv.Atoi(text[strings.LastIndexByte(text, '{')+1 : len(text)-3])
			if err != nil {
				return err
			}
			if _, err := c.r.Discard(size); err != nil {
				return err
			}
		}
	}
}

// survey returns the windows of all mailboxes.
func (c *wire) survey() (windows []windowOf, err error) {
	err = c.do(`LIST "" * RETURN (STATUS (MESSAGES))`, func(line string) {
		rest, ok := strings.CutPrefix(line, "* STATUS ")
		at := strings.LastIndex(rest, " (MESSAGES ")
		if !ok || at < 0 {
			return
		}
		n, _ := strconv.Atoi(strings.TrimRight(rest[at+len(" (MESSAGES "):], ")\r\n"))
		for first := 1; first <= n; first += window {
			windows = append(windows, windowOf{rest[:at], first, min(first+window-1, n)})
		}
	})
	return windows, err
}

func (c *wire) readWindows(windows <-chan windowOf) error {
	selected := ""
	for w := range windows {
		if w.mailbox != selected {
			if err := c.do("EXAMINE "+w.mailbox, nil); err != nil {
				return err
			}
			selected = w.mailbox
		}
		if err := c.do(fmt.Sprintf("FETCH %d:%d (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])", w.first, w.last), nil); err != nil {
			return err
		}
	}
	return nil
}
