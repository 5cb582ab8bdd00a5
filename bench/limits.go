package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// limits are lower bounds: mail is read and discarded, files are copied without reading them.
type limits struct {
	*host
	servers *servers
}

// read runs this program to read an account, so that its time is measured like that of the others.
func (l *limits) read(ctx context.Context, a *account) (usage, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, err
	}
	return l.measure(ctx, nil, self, rawRead, l.servers.dovecot.Addr, a.user)
}

func (l *limits) copy(ctx context.Context, a *account) (usage, error) {
	return l.measure(ctx, nil, "cp", "-a", a.maildir, l.path("copy"))
}

// copySynced does not end before the copy is on the disk: what a restore of mailstrata promises.
func (l *limits) copySynced(ctx context.Context, a *account) (usage, error) {
	copied, err := l.measure(ctx, nil, "cp", "-a", a.maildir, l.path("synced"))
	if err != nil {
		return usage{}, err
	}
	synced, err := l.sync(ctx, "synced")
	return copied.and(synced), err
}

// rawRead is the first argument of a call that reads the account of a user on a server: all messages, on as many
// connections as mailstrata has, and discards them.
const (
	rawRead     = "raw-read"
	connections = 4
	window      = 500 // messages a command
)

type windowOf struct {
	mailbox     string // as the server wrote it
	first, last int
}

func readAll(address, user string) error {
	c, err := dial(address, user)
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
			c, err := dial(address, user)
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

func dial(address, user string) (*wire, error) {
	conn, err := net.Dial("tcp", address)
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
