package check

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// manifestCheck is the check of one manifest.
type manifestCheck struct {
	*checker
	contents *archive.Contents
	where    Problem // names the manifest
	other    bool    // it is of another share: only what a broken pack affects is reported
}

func (c *checker) manifestCheck(s archive.Summary) *manifestCheck {
	return &manifestCheck{
		checker: c, contents: c.reader.Contents(s.Manifest), where: Problem{
			Manifest: s.Head.Name, Account: s.Manifest.Account,
		},
	}
}

func (c *manifestCheck) run(ctx context.Context) error {
	if err := c.server(ctx); err != nil {
		return err
	}
	var sum manifest.Totals
	whole := true
	for mailbox, err := range c.ahead.Mailboxes(ctx, c.contents) {
		if err != nil {
			whole = false
			if err := c.damaged(ctx, c.where, err); err != nil {
				return err
			}
			continue
		}
		sum.Mailboxes++
		sum.Messages += mailbox.Messages
		sum.Bytes += mailbox.Bytes
		if err := c.mailbox(ctx, mailbox); err != nil {
			return err
		}
	}
	want := c.contents.Manifest.Totals
	if whole && (sum.Mailboxes != want.Mailboxes || sum.Messages != want.Messages || sum.Bytes != want.Bytes) {
		c.mismatch(c.where, "its totals are %d mailboxes with %d messages of %d bytes, but it has %d with %d of %d",
			want.Mailboxes, want.Messages, want.Bytes, sum.Mailboxes, sum.Messages, sum.Bytes)
	}
	if err := c.properties(ctx); err != nil {
		return err
	}
	return c.items(ctx)
}

// properties checks that access rights and annotations can be read. It reports damage for each
// account, as server does.
func (c *manifestCheck) properties(ctx context.Context) error {
	m := c.contents.Manifest
	fresh := false
	for _, id := range m.Properties {
		page := accountPart{m.Account, id.Prefix()}
		_, checked := c.checkedServers[page]
		fresh = fresh || !checked
		c.checkedServers[page] = struct{}{}
	}
	if !fresh || c.other {
		return nil
	}
	if _, err := c.contents.Properties(ctx); err != nil {
		return c.damaged(ctx, c.where, err)
	}
	return nil
}

// server checks that what the server said about itself can be read. Accounts on one server share
// it, and checks of shares report it for each account, so a check of everything does too.
func (c *manifestCheck) server(ctx context.Context) error {
	m := c.contents.Manifest
	part := accountPart{m.Account, m.ServerPart.Prefix()}
	if _, checked := c.checkedServers[part]; checked || c.other {
		return nil
	}
	c.checkedServers[part] = struct{}{}
	if _, err := m.AllServer(c.contents.Load(ctx)); err != nil {
		return c.damaged(ctx, c.where, fmt.Errorf("what the server says about itself: %w", err))
	}
	return nil
}

// accountPart is a server part in the manifests of an account.
type accountPart struct {
	account string
	part    chunk.Prefix
}

// damaged is damaged of the checker, but for what the check of another share reports.
func (c *manifestCheck) damaged(ctx context.Context, p Problem, err error) error {
	if c.other && ctx.Err() == nil && passable(err) {
		return nil
	}
	return c.checker.damaged(ctx, p, err)
}

func (c *manifestCheck) mismatch(about Problem, format string, args ...any) {
	if c.other {
		return
	}
	about.Reason = fmt.Sprintf(format, args...)
	c.problem(about)
}

// mailbox checks the pages of a mailbox. AllPages checks that the page rows are the canonical ones
// for their numbers of messages, and Records that the pages have that many.
func (c *manifestCheck) mailbox(ctx context.Context, mailbox *manifest.Mailbox) error {
	c.report.Mailboxes++
	about := c.where
	about.Mailbox = mailbox.Name
	pages, err := mailbox.AllPages(c.contents.Load(ctx))
	whole := err == nil
	if err != nil {
		if err := c.damaged(ctx, about, err); err != nil {
			return err
		}
		for page, err := range c.contents.Pages(ctx, mailbox) { // those that can be read
			if err == nil {
				pages = append(pages, page)
			}
		}
	}
	var bytes int64
	for page := range c.ahead.Pages(ctx, inorder.Slice(pages)) {
		n, ok, err := c.page(ctx, about, page)
		if err != nil {
			return err
		}
		bytes += n
		whole = whole && ok
	}
	if whole && bytes != mailbox.Bytes {
		c.mismatch(about, "its size is %d bytes, but its records have %d", mailbox.Bytes, bytes)
	}
	return nil
}

// checkedPage is what a check remembers of a record page.
type checkedPage struct {
	bytes       int64 // of its messages; -1 if it cannot be read
	messages    uint32
	first, last mail.UID
}

// page checks a page, and returns the number of bytes of its messages. If it was checked before, it
// is only compared with the row that names it.
func (c *manifestCheck) page(ctx context.Context, about Problem, page manifest.Page) (bytes int64, ok bool, err error) {
	if err := c.flagPage(ctx, about, page); err != nil {
		return 0, false, err
	}
	if walked, known := c.checkedPages[page.Records.Prefix()]; known {
		if walked.bytes >= 0 && !walked.fits(page) {
			c.mismatch(about, "%s: record page %s is not of this page", page, page.Records)
			return 0, false, nil
		}
		return walked.bytes, walked.bytes >= 0, nil
	}
	c.report.Pages++
	defer c.showProgress()
	records, err := c.contents.Records(ctx, page)
	if err != nil {
		c.checkedPages[page.Records.Prefix()] = checkedPage{bytes: -1}
		return 0, false, c.damaged(ctx, about, fmt.Errorf("%s: record page %s: %w", page, page.Records, err))
	}
	walked := checkedPage{messages: page.Messages, first: records[0].UID, last: records[len(records)-1].UID}
	for i := range records {
		walked.bytes += records[i].Size
	}
	c.checkedPages[page.Records.Prefix()] = walked
	return walked.bytes, true, c.messages(ctx, about, records)
}

func (p checkedPage) fits(page manifest.Page) bool {
	first, last := page.Range()
	return p.messages == page.Messages && uint64(p.first) >= first && uint64(p.last) <= last
}

// flagPage checks that the flags of a page can be read.
func (c *manifestCheck) flagPage(ctx context.Context, about Problem, page manifest.Page) error {
	if _, walked := c.checkedFlags[page.Flags.Prefix()]; walked || c.other {
		return nil
	}
	c.checkedFlags[page.Flags.Prefix()] = struct{}{}
	sets, err := archive.ReadPiece(ctx, c.contents, page.Flags, manifest.ParseFlags)
	if err == nil && len(sets) != int(page.Messages) {
		err = fmt.Errorf("%w: flags of %d messages, its row says %d", manifest.ErrMalformed, len(sets), page.Messages)
	}
	if err != nil {
		return c.damaged(ctx, about, fmt.Errorf("%s: flag page %s: %w", page, page.Flags, err))
	}
	return nil
}

// messages checks that the chunks of a page's messages can be read.
func (c *manifestCheck) messages(ctx context.Context, about Problem, records []manifest.Record) error {
	var ids []chunk.ID
	var owners []mail.UID // of ids
	for i := range records {
		c.report.Messages++
		about.UID = records[i].UID
		parts, err := records[i].PartList(c.contents.Load(ctx))
		if err != nil {
			if err := c.damaged(ctx, about, err); err != nil {
				return err
			}
			continue
		}
		for _, part := range parts {
			for _, id := range part.Chunks {
				ids = append(ids, id)
				owners = append(owners, about.UID)
			}
		}
	}
	c.report.Chunks += int64(len(ids))
	return c.chunks(ctx, about, ids, owners)
}

// chunks checks that chunks of messages can be read, and reports each affected message once.
func (c *manifestCheck) chunks(ctx context.Context, about Problem, ids []chunk.ID, owners []mail.UID) error {
	var affected mail.UID
	for i, id := range ids {
		if owners[i] == affected {
			continue
		}
		err := c.chunk(ctx, id)
		if err == nil {
			continue
		}
		affected = owners[i]
		about.UID = affected
		if err := c.checker.damaged(ctx, about, err); err != nil {
			return err
		}
	}
	return nil
}

// chunk checks that a chunk can be read. It reads the chunk only if its pack is unsound.
func (c *manifestCheck) chunk(ctx context.Context, id chunk.ID) error {
	places, err := c.Repo.Locate(ctx, []chunk.ID{id})
	suspect := c.unsound
	if c.other {
		suspect = c.broken
		if err != nil && ctx.Err() == nil && passable(err) {
			return nil
		}
	}
	if err != nil || !suspect[places[0].Frame.Pack.String()] {
		return err
	}
	_, err = c.reader.Chunk(ctx, id)
	return err
}
