// Package gather makes one archive.Contents of messages of several manifests, so that a restore
// writes them together: each mailbox of the target is opened once, however many nights its messages
// are from.
//
//	Add(night, mailbox, UIDs) ──► Gathering ──► Contents     gather.go
//	                                 └ mailboxes, pages      pages.go
//	                                 └ chunks of pages       reader.go
//
// The pages of the gathered mailboxes are made when they are read, from pages of the manifests. So
// a message takes 20 bytes of memory.
package gather

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Gathering is messages of several manifests of one account.
type Gathering struct {
	nights    []*archive.Contents
	mailboxes map[string]*gathered // by raw name
}

// gathered is a mailbox and what was added to it.
type gathered struct {
	versions []version
	messages []message
}

// version is a mailbox as one manifest has it.
type version struct {
	night   int // of Gathering.nights
	mailbox *manifest.Mailbox
	offset  uint32 // added to its UIDs
}

// message is a message of a version.
type message struct {
	version uint32
	uid     mail.UID // in the archive
	as      mail.UID // in the Contents
}

// New returns a Gathering without messages.
func New() *Gathering { return &Gathering{mailboxes: make(map[string]*gathered)} }

// Add adds messages of a mailbox of a manifest. If two manifests have a message under the same UID
// of the same UIDVALIDITY, it counts once, as the newer one has it. A mailbox is as the newest
// manifest has it that messages were added from.
func (g *Gathering) Add(night *archive.Contents, mailbox *manifest.Mailbox, uids mail.UIDSet) {
	if uids.Len() == 0 {
		return
	}
	at := slices.Index(g.nights, night)
	if at < 0 {
		at, g.nights = len(g.nights), append(g.nights, night)
	}
	box := g.mailboxes[mailbox.Raw]
	if box == nil {
		box = new(gathered)
		g.mailboxes[mailbox.Raw] = box
	}
	n := slices.IndexFunc(box.versions, func(v version) bool { return v.night == at })
	if n < 0 {
		n, box.versions = len(box.versions), append(box.versions, version{night: at, mailbox: mailbox})
	}
	for uid := range uids.All() {
		box.messages = append(box.messages, message{version: uint32(n), uid: uid})
	}
}

// Contents returns the messages as an account of their own. All else is as in base, which must be
// of the same repository. The mailboxes of base that are labels of Gmail are there too, because a
// restore routes messages by them.
//
// A UID is the one in the archive. If the UIDVALIDITY of a mailbox changed, the UIDs of later times
// are larger than those of earlier ones.
func (g *Gathering) Contents(ctx context.Context, base *archive.Contents) (*archive.Contents, error) {
	made := &reader{ChunkReader: base.Chunks(), pages: make(map[pieceID]piece)}
	outline := *base.Manifest
	outline.Mailboxes, outline.Tables = nil, nil
	for mailbox, err := range base.Mailboxes(ctx) {
		if err != nil {
			return nil, err
		}
		if mailbox.Label && g.mailboxes[mailbox.Raw] == nil {
			outline.Mailboxes = append(outline.Mailboxes, mailbox.WithoutPages())
		}
	}
	for _, box := range g.mailboxes {
		mailbox, err := g.mailbox(box, made)
		if err != nil {
			return nil, err
		}
		outline.Mailboxes = append(outline.Mailboxes, mailbox)
	}
	slices.SortFunc(outline.Mailboxes, func(a, b manifest.Mailbox) int { return cmp.Compare(a.Raw, b.Raw) })
	c := archive.NewContents(&outline, made, base.MessageHasher)
	c.Head = base.Head
	return c, nil
}

// mailbox returns a mailbox with its pages, which it adds to made.
func (g *Gathering) mailbox(box *gathered, made *reader) (manifest.Mailbox, error) {
	newest := &box.versions[0]
	for i := range box.versions {
		if v := &box.versions[i]; g.nights[v.night].Head.Time.After(g.nights[newest.night].Head.Time) {
			newest = v
		}
	}
	if err := g.number(box); err != nil {
		return manifest.Mailbox{}, err
	}
	mailbox := newest.mailbox.WithoutPages()
	mailbox.Messages = int64(len(box.messages))
	mailbox.Pages = made.addPages(g, box)
	return mailbox, nil
}

// number gives the messages of a mailbox their UIDs, sorts them, and drops those that are there
// twice.
func (g *Gathering) number(box *gathered) error {
	if err := g.offset(box); err != nil {
		return err
	}
	for i := range box.messages {
		m := &box.messages[i]
		m.as = m.uid + mail.UID(box.versions[m.version].offset)
	}
	slices.SortFunc(box.messages, func(a, b message) int {
		return cmp.Or(cmp.Compare(a.as, b.as), g.timeOf(box, b).Compare(g.timeOf(box, a)))
	})
	box.messages = slices.CompactFunc(box.messages, func(a, b message) bool { return a.as == b.as })
	return nil
}

func (g *Gathering) timeOf(box *gathered, m message) time.Time {
	return g.nights[box.versions[m.version].night].Head.Time
}

// errNumbers is the error for UIDs that do not fit into one mailbox.
var errNumbers = errors.New("the UIDs that this mailbox had under several UIDVALIDITYs are more than a mailbox can have; restore its nights one by one")

// offset sets what is added to the UIDs of each version: versions with one UIDVALIDITY share UIDs.
func (g *Gathering) offset(box *gathered) error {
	order := make([]int, len(box.versions))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return g.nights[box.versions[a].night].Head.Time.Compare(g.nights[box.versions[b].night].Head.Time)
	})
	largest := make([]uint64, len(box.versions))
	for _, m := range box.messages {
		largest[m.version] = max(largest[m.version], uint64(m.uid))
	}
	type era struct {
		validity uint32
		largest  uint64
		versions []int
	}
	var eras []*era
	for _, i := range order {
		validity := box.versions[i].mailbox.UIDValidity()
		at := slices.IndexFunc(eras, func(e *era) bool { return e.validity == validity && validity != 0 })
		if at < 0 {
			at, eras = len(eras), append(eras, &era{validity: validity})
		}
		eras[at].largest = max(eras[at].largest, largest[i])
		eras[at].versions = append(eras[at].versions, i)
	}
	offset := uint64(0)
	for _, e := range eras {
		if offset+e.largest > math.MaxUint32 {
			return errNumbers
		}
		for _, i := range e.versions {
			box.versions[i].offset = uint32(offset)
		}
		offset += e.largest
	}
	return nil
}
