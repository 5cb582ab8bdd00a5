package archivetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// RandomAccount is an account in memory that changes at random. Contents writes it as a manifest.
type RandomAccount struct {
	Random *rand.Rand
	boxes  map[string]*randomMailbox
	serial int // of messages and mailboxes
	ids    bool
}

type randomMailbox struct {
	validity, next uint32
	id             string
	letters        []Message
}

// NewRandomAccount makes an account of five mailboxes with fewer than 30 messages each. With ids,
// the mailboxes have ids (RFC 8474).
func NewRandomAccount(seed uint64, ids bool) *RandomAccount {
	s := &RandomAccount{Random: rand.New(rand.NewPCG(seed, 1)), boxes: map[string]*randomMailbox{}, ids: ids}
	for range 5 {
		box := s.create()
		for range s.Random.IntN(30) {
			s.deliver(box)
		}
	}
	return s
}

func (s *RandomAccount) create() *randomMailbox {
	s.serial++
	box := &randomMailbox{validity: uint32(s.serial), next: 1}
	if s.ids {
		box.id = fmt.Sprint("id", s.serial)
	}
	s.boxes[fmt.Sprintf("box %d", s.serial)] = box
	return box
}

func (b *randomMailbox) add(l Message) {
	l.UID = mail.UID(b.next)
	b.next++
	b.letters = append(b.letters, l)
}

func (s *RandomAccount) deliver(b *randomMailbox) {
	s.serial++
	n := s.serial
	if s.Random.IntN(4) == 0 {
		n = s.Random.IntN(n) // a copy, perhaps
	}
	b.add(Message{Body: fmt.Appendf(nil, "Subject: message %d\r\n\r\n", n), Flags: mail.Flags{}, Date: SomeDate})
}

func (s *RandomAccount) pick() (string, *randomMailbox) {
	names := slices.Sorted(maps.Keys(s.boxes))
	name := names[s.Random.IntN(len(names))]
	return name, s.boxes[name]
}

// Change does one thing that clients and servers do.
func (s *RandomAccount) Change() {
	name, box := s.pick()
	n := len(box.letters)
	switch action := s.Random.IntN(12); {
	case action == 0:
		s.create()
	case action == 1 && len(s.boxes) > 2:
		delete(s.boxes, name)
	case action == 2:
		delete(s.boxes, name)
		s.serial++
		s.boxes[fmt.Sprintf("renamed %d", s.serial)] = box
	case action == 3:
		s.serial++
		box.validity, box.next = uint32(s.serial), 1
		letters := box.letters
		box.letters = nil
		for _, i := range s.Random.Perm(len(letters)) {
			box.add(letters[i])
		}
	case action < 6 || n == 0:
		s.deliver(box)
	case action < 8:
		i := s.Random.IntN(n)
		box.letters = slices.Delete(slices.Clone(box.letters), i, i+1)
	case action < 10:
		i := s.Random.IntN(n)
		_, to := s.pick()
		l := box.letters[i]
		box.letters = slices.Delete(slices.Clone(box.letters), i, i+1)
		to.add(l)
	default:
		box.letters = slices.Clone(box.letters)
		box.letters[s.Random.IntN(n)].Flags = mail.NewFlags([]string{`\Seen`, `\Flagged`, "work"}[s.Random.IntN(3)])
	}
}

func (s *RandomAccount) Contents(t *testing.T, shelf *MemReader) *archive.Contents {
	t.Helper()
	var mailboxes []manifest.Mailbox
	for _, name := range slices.Sorted(maps.Keys(s.boxes)) {
		box := s.boxes[name]
		m := shelf.Mailbox(t, name, box.letters...)
		m.Status = &mail.Status{
			UIDValidity: box.validity, UIDNext: box.next, Messages: uint32(m.Messages), MailboxID: box.id,
		}
		mailboxes = append(mailboxes, m)
	}
	return shelf.Contents(t, mailboxes...)
}

// HeldMessage is what a manifest holds of a message.
type HeldMessage struct {
	Hash  chunk.ID
	Flags string
}

// Held returns what a manifest holds, by the names of mailboxes and the UIDs.
func Held(t *testing.T, c *archive.Contents) map[string]map[mail.UID]HeldMessage {
	t.Helper()
	account := map[string]map[mail.UID]HeldMessage{}
	for m, err := range c.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		account[m.Raw] = map[mail.UID]HeldMessage{}
		for e, err := range c.Entries(t.Context(), m) {
			if err != nil {
				t.Fatal(err)
			}
			account[m.Raw][e.UID] = HeldMessage{e.Hash, strings.Join(e.Flags, " ")}
		}
	}
	return account
}
