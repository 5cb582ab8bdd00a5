package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mailstrata/mailstrata/internal/generate"
)

// Kinds of mail to generate.
const (
	usualMail = "usual" // threads, files, newsletters
	shortMail = "short" // a kilobyte each
)

// mailboxSize is how many short messages lie in one mailbox.
const mailboxSize = 50_000

// generateMail is the first argument of a call that generates mail. A separate process does it, because the kernel
// counts the peak memory of a process for those that it starts, until they run another program: this one must stay
// small.
const generateMail = "generate"

func generated(ctx context.Context, kind string, n int, root string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return do(ctx, self, generateMail, kind, strconv.Itoa(n), root)
}

// batch is how many messages are made at once. A file is sent again within one.
const batch = 50

// layOut writes n messages of a kind as a Maildir.
func layOut(kind, count, root string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	g, d := generate.New(1), generate.Maildir{Root: root}
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
	if err := generated(ctx, usualMail, n, root); err != nil {
		return nil, err
	}
	return given(root)
}
