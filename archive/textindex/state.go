package textindex

import (
	"context"
	"encoding/binary"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// stateVersion counts changes of the state and of the data of messages. An index with another
// version is dropped.
const stateVersion = 3

// The keys of the state begin with one of these. Numbers in keys are big-endian, so that keys are
// in their order.
const (
	versionKey = "v" // → the version, and how many windows were written
	accountKey = "a" // + directory → number, name
	boxKey     = "b" // + number → account, raw name, name, delimiter
	nightKey   = "n" // + number → account, kind and lacksBit, name of the manifest
	pageKey    = "p" // + box, start, bits → prefix of the record page: of the latest manifest of the account
	memberKey  = "q" // + box, start, bits → the messages of that page
	heldKey    = "h" // + box, beginning of the hash: the mailbox has the message, or had it
	lostKey    = "c" // there can be messages without stays
	lackKey    = "l" // + hash → when the message was read, and why it lacks text
	retryKey   = "r" // → when it was last tried to read again what could not be read
)

// account is an account of the repository.
type account struct {
	number uint64
	dir    string // as repo.Head.Account
	name   string // "": no manifest was read
	latest uint64 // the number of the latest manifest that was read; 0: none
}

// mailbox is a mailbox of an account, in whatever manifest.
type mailbox struct {
	mail.Mailbox // Raw, Name and Delimiter
	number       uint64
	account      uint64
}

// nightKind says what is known of a manifest.
type nightKind uint64

const (
	lateNight    nightKind = 0 // it was put after its deadline, and does not count
	readNight    nightKind = 1
	partialNight nightKind = 2 // the index has a part of it
)

// lacksBit is set in the kind of a night that lacks pieces.
const lacksBit = 1 << 4

// night is a manifest that was read.
type night struct {
	number  uint64 // ascending with time for each account
	account uint64
	kind    nightKind
	lacks   bool // pieces of it could not be read
	name    string
}

// state is what the index keeps for this package, except for pages, which are read when they are
// needed.
type state struct {
	windows  uint64 // that were written
	spread   int64  // the most seconds between the date of a message in the index and a date of its stays
	accounts map[string]*account
	byNumber map[uint64]*account
	boxes    map[uint64]*mailbox
	byName   map[boxName]*mailbox
	nights   map[string]*night
	last     uint64 // the highest number of a night
}

type boxName struct {
	account uint64
	raw     string
}

// stateReader reads pairs: an Index or an Update.
type stateReader interface {
	State(ctx context.Context, prefix []byte) ([]fulltext.Pair, error)
}

// loadState reads the state. It returns fulltext.ErrDamaged if it is not of this version.
func loadState(ctx context.Context, from stateReader) (*state, error) {
	s := &state{
		accounts: make(map[string]*account), byNumber: make(map[uint64]*account), boxes: make(map[uint64]*mailbox),
		byName: make(map[boxName]*mailbox), nights: make(map[string]*night),
	}
	version, err := s.readVersion(ctx, from)
	if err != nil || version == 0 {
		return s, err
	}
	if version != stateVersion {
		return nil, fulltext.ErrDamaged
	}
	for _, kind := range []struct {
		key  string
		read func(key []byte, d *decoder)
	}{
		{accountKey, func(key []byte, d *decoder) {
			s.addAccount(&account{dir: string(key), number: d.number(), name: d.text()})
		}},
		{boxKey, func(key []byte, d *decoder) {
			b := &mailbox{number: uint64(binary.BigEndian.Uint32(key)), account: d.number()}
			b.Raw, b.Name, b.Delimiter = d.text(), d.text(), d.text()
			s.addBox(b)
		}},
		{nightKey, func(key []byte, d *decoder) {
			n := &night{number: binary.BigEndian.Uint64(key), account: d.number()}
			kind := d.number()
			n.kind, n.lacks, n.name = nightKind(kind&^lacksBit), kind&lacksBit != 0, d.text()
			s.addNight(n)
		}},
	} {
		pairs, err := from.State(ctx, []byte(kind.key))
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			d := decoder{rest: p.Value}
			kind.read(p.Key[1:], &d)
			if d.bad {
				return nil, errState
			}
		}
	}
	return s, nil
}

// readVersion returns the version of the state, or 0 if there is none, and sets what stands beside
// it.
func (s *state) readVersion(ctx context.Context, from stateReader) (version uint64, err error) {
	pairs, err := from.State(ctx, []byte(versionKey))
	if err != nil || len(pairs) == 0 {
		return 0, err
	}
	d := decoder{rest: pairs[0].Value}
	version, s.windows, s.spread = d.number(), d.number(), int64(d.number())
	return version, d.err()
}

func (s *state) addAccount(a *account) { s.accounts[a.dir], s.byNumber[a.number] = a, a }

func (s *state) addBox(b *mailbox) { s.boxes[b.number], s.byName[boxName{b.account, b.Raw}] = b, b }

func (s *state) addNight(n *night) {
	s.nights[n.name] = n
	s.last = max(s.last, n.number)
	if a := s.byNumber[n.account]; a != nil && n.kind == readNight {
		a.latest = max(a.latest, n.number)
	}
}

func (a *account) pair() fulltext.Pair {
	return fulltext.Pair{
		Key: []byte(accountKey + a.dir), Value: appendText(binary.AppendUvarint(nil, a.number), a.name),
	}
}

func (b *mailbox) pair() fulltext.Pair {
	value := binary.AppendUvarint(nil, b.account)
	for _, text := range []string{b.Raw, b.Name, b.Delimiter} {
		value = appendText(value, text)
	}
	return fulltext.Pair{Key: binary.BigEndian.AppendUint32([]byte(boxKey), uint32(b.number)), Value: value}
}

func (n *night) key() []byte { return binary.BigEndian.AppendUint64([]byte(nightKey), n.number) }

func (n *night) pair() fulltext.Pair {
	kind := uint64(n.kind)
	if n.lacks {
		kind |= lacksBit
	}
	value := binary.AppendUvarint(binary.AppendUvarint(nil, n.account), kind)
	return fulltext.Pair{Key: n.key(), Value: appendText(value, n.name)}
}

// span is the range of the UIDs of a page.
type span struct {
	start uint32
	bits  uint8
}

func spanOf(p manifest.Page) span { return span{p.Start, p.Bits} }

// key returns the key of the page of a mailbox, which begins with kind.
func (s span) key(kind string, box uint64) []byte {
	key := binary.BigEndian.AppendUint32([]byte(kind), uint32(box))
	return append(binary.BigEndian.AppendUint32(key, s.start), s.bits)
}

// heldKeyOf returns the key of a message that a mailbox has or had. With it, a search in a small
// mailbox need not look at all messages that match.
func heldKeyOf(box uint64, hash *chunk.ID) []byte {
	return append(binary.BigEndian.AppendUint32([]byte(heldKey), uint32(box)), hash[:fulltext.BeginLength]...)
}

// member is a message of a page.
type member struct {
	uid  mail.UID
	hash chunk.ID
}

func encodeMembers(members []member) []byte {
	b := make([]byte, 0, 34*len(members))
	for _, m := range members {
		b = append(binary.AppendUvarint(b, uint64(m.uid)), m.hash[:]...)
	}
	return b
}

func decodeMembers(b []byte) (members []member, err error) {
	d := decoder{rest: b}
	for len(d.rest) > 0 && !d.bad {
		m := member{uid: mail.UID(d.number())}
		copy(m.hash[:], d.bytes(len(m.hash)))
		members = append(members, m)
	}
	return members, d.err()
}

// pagesOf returns the pages of the latest manifest of an account, by mailbox.
func (s *state) pagesOf(
	ctx context.Context, from stateReader, account uint64,
) (map[uint64]map[span]chunk.Prefix, error) {
	pages := make(map[uint64]map[span]chunk.Prefix)
	for number, box := range s.boxes {
		if box.account != account {
			continue
		}
		pairs, err := from.State(ctx, binary.BigEndian.AppendUint32([]byte(pageKey), uint32(number)))
		if err != nil {
			return nil, err
		}
		of := make(map[span]chunk.Prefix, len(pairs))
		for _, p := range pairs {
			if len(p.Key) != 10 || len(p.Value) != len(chunk.Prefix{}) {
				return nil, errState
			}
			of[span{binary.BigEndian.Uint32(p.Key[5:]), p.Key[9]}] = chunk.Prefix(p.Value)
		}
		if len(of) > 0 {
			pages[number] = of
		}
	}
	return pages, nil
}
