package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
)

// Kinds of mail to generate.
const (
	usualMail = "usual" // threads, files, newsletters
	shortMail = "short" // a kilobyte each
	largeMail = "large" // a file each, which does not compress
)

// mailboxSize is how many short messages lie in one mailbox.
const mailboxSize = 50_000

// generateMail is the first argument of a call that generates mail. A separate process does it,
// because the kernel counts the peak memory of a process for those that it starts, until they run
// another program: this one must stay small.
const generateMail = "generate"

func generated(ctx context.Context, kind string, n int, size megabytes, root string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return do(ctx, self, generateMail, kind, strconv.Itoa(n), strconv.Itoa(int(size)), root)
}

// megabytes is the size of a large message; others have their own.
type megabytes int

// batch is how many messages are made at once. A file is sent again within one.
const batch = 50

// layOut writes n messages of a kind as a Maildir.
func layOut(kind, count, size, root string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	g, d := generate.New(1), generate.Maildir{Root: root}
	if kind == largeMail {
		size, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		for i := range n {
			if err := d.Put("INBOX", large(uint64(i), size*1e6)); err != nil {
				return err
			}
		}
		return nil
	}
	for i := 0; i < n; i += batch {
		mailbox, next := []string{"INBOX", "Sent", "lists/go"}[i/batch%3], g.Message
		if kind == shortMail {
			mailbox, next = fmt.Sprintf("mailbox %d", i/mailboxSize), g.Note
		}
		var messages []generate.Message
		for range min(batch, n-i) {
			messages = append(messages, next())
		}
		if err := d.Put(mailbox, messages...); err != nil {
			return err
		}
		g.Forget()
	}
	return nil
}

// generatedSet is a set of n messages of the usual kind, below dir.
func generatedSet(ctx context.Context, n int, dir string) (*set, error) {
	root := filepath.Join(dir, "generated")
	if err := generated(ctx, usualMail, n, 0, root); err != nil {
		return nil, err
	}
	return given(root)
}

// largeSet is a set of n large messages, below dir.
func largeSet(ctx context.Context, n int, size megabytes, dir string) (*set, error) {
	root := filepath.Join(dir, "large")
	if err := generated(ctx, largeMail, n, size, root); err != nil {
		return nil, err
	}
	s, err := given(root)
	if s != nil {
		s.large = true
	}
	return s, err
}

// large is a message with a file of random bytes, of which the message has so many.
func large(seed uint64, size int) generate.Message {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	const line = 57 // bytes, which are 76 characters and a line end
	file := make([]byte, size/78*line)
	_, _ = rand.NewChaCha8(key).Read(file)
	var b bytes.Buffer
	b.Grow(size + 1000)
	fmt.Fprintf(&b, "From: a@example.org\r\nTo: b@example.org\r\nSubject: file %d\r\nMessage-ID: <%d@example.org>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=\"%d.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		seed, seed, seed)
	for part := range slices.Chunk(file, line) {
		b.WriteString(base64.StdEncoding.EncodeToString(part) + "\r\n")
	}
	return generate.Message{Body: b.Bytes(), Date: time.Unix(1_700_000_000+int64(seed), 0)}
}
