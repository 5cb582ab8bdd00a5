package look

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// messageArgs name a message.
type messageArgs struct {
	Mailbox string `arg:"" optional:"" help:"The mailbox of the message."`
	UID     uint32 `arg:"" name:"uid" optional:"" help:"The UID of the message (find and \"mailstrata ls MANIFEST MAILBOX\" show it)."`

	MessageID string `group:"query" name:"message-id" placeholder:"ID" help:"The message with this Message-ID, without MAILBOX and UID. Without MANIFEST, as the newest manifest has it."`
	Hash      string `group:"query" placeholder:"HASH" help:"Likewise the message whose hash (find --json) begins so."`
}

// named reports whether the arguments name a message, and not a mailbox alone.
func (a *messageArgs) named() bool { return a.UID != 0 || a.MessageID != "" || a.Hash != "" }

// foundMessage is a message in a manifest.
type foundMessage struct {
	*archive.Contents
	mailbox *manifest.Mailbox
	entry   *manifest.Entry
}

// withUID matches a mailbox and a UID that are written as one.
var withUID = regexp.MustCompile(`^(.+)[/:#](\d+)$`)

// splitUID returns a hint if a mailbox and a UID are written as one, or else "".
func splitUID(ref, mailbox string) string {
	joined := withUID.FindStringSubmatch(mailbox)
	if joined == nil {
		return ""
	}
	return fmt.Sprintf("did you mean %s %s %s?", ui.ShellWord(ref), ui.ShellWord(joined[1]), joined[2])
}

// minHash is the fewest digits of a hash. Fewer could name several messages.
const minHash = 8

// findMessage finds the message that arguments name. If ref is empty, that is in the newest
// manifest, and one with a Message-ID or a hash in any.
func findMessage(ctx context.Context, o *ui.Output, r *repo.Repo, ref string, a *messageArgs) (*foundMessage, error) {
	switch {
	case a.UID != 0 && a.MessageID+a.Hash != "", a.Mailbox != "" && a.MessageID+a.Hash != "":
		return nil, hint.Usagef("name the message either by MAILBOX and UID, or by --message-id or --hash")
	case a.MessageID+a.Hash != "":
		return messageByID(ctx, o, r, ref, a)
	case a.UID == 0:
		how := "MANIFEST MAILBOX UID, as mailstrata find prints them, or --message-id ID"
		return nil, &hint.Usage{Text: "no message is named", Hint: cmp.Or(splitUID(ref, a.Mailbox), how)}
	}
	contents, err := named.Manifest(ctx, o, r, ref)
	if err != nil {
		return nil, err
	}
	contents.KeepMail()
	mailbox, err := named.Mailbox(ctx, r, contents, a.Mailbox)
	if err != nil {
		return nil, err
	}
	entry, err := contents.Entry(ctx, mailbox, mail.UID(a.UID))
	if err != nil {
		return nil, err
	}
	return &foundMessage{contents, mailbox, entry}, nil
}

// messageByID finds a message by its Message-ID or its hash.
func messageByID(ctx context.Context, o *ui.Output, r *repo.Repo, ref string, a *messageArgs) (*foundMessage, error) {
	var query search.Query
	if a.MessageID != "" {
		query.MessageID = "<" + strings.TrimSuffix(strings.TrimPrefix(a.MessageID, "<"), ">") + ">"
	}
	if hash := strings.ToLower(a.Hash); hash != "" {
		if len(hash) < minHash || strings.Trim(hash, "0123456789abcdef") != "" {
			return nil, hint.Usagef("--hash: %s is not %d or more hexadecimal digits", ui.Quote(a.Hash), minHash)
		}
		query.Only = func(id chunk.ID) bool { return strings.HasPrefix(id.String(), hash) }
	}
	found := search.FindAll(ctx, r, "", query, nil)
	if ref != "" {
		contents, err := named.Manifest(ctx, o, r, ref)
		if err != nil {
			return nil, err
		}
		contents.KeepMail()
		found = search.Hits(search.Find(ctx, contents, query, nil), contents)
	}
	for hit, err := range search.Newest(ctx, found, 1, false) {
		if err != nil {
			return nil, err
		}
		return &foundMessage{hit.Contents, hit.Mailbox, hit.Entry}, nil
	}
	where := "any manifest"
	if ref != "" {
		where = "manifest " + ref
	}
	return nil, fmt.Errorf("%w with %s in %s",
		archive.ErrNoMessage, ui.Quote(strings.TrimSpace(a.MessageID+" "+a.Hash)), where)
}

// place returns where the message is, as arguments of a command.
func (m *foundMessage) place() string {
	return fmt.Sprintf("%s %s %d", summary.ShortID(m.Head), ui.ShellWord(m.mailbox.Name), m.entry.UID)
}
