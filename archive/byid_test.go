package archive_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/storetest"
)

func byEmailID(id string) mail.IDs { return mail.IDs{Email: "M" + id} }
func byXGUID(id string) mail.IDs   { return mail.IDs{XGUID: id} }

// letterOf is a message of some 10 KB, most of it body.
func letterOf(n int) string {
	var body bytes.Buffer
	fmt.Fprintf(&body, "Subject: %d\r\nMessage-ID: <%d@test>\r\n\r\n", n, n)
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for body.Len() < 10_000 {
		fmt.Fprintf(&body, "line %x\r\n", rng.Uint64())
	}
	return body.String()
}

// letters is an account whose messages have ids.
func letters(named func(string) mail.IDs, mailboxes ...string) *account {
	a := newAccount()
	a.named = named
	for i, name := range mailboxes {
		for n := range 120 {
			a.mailbox(name).add(letterOf(1000*i + n))
		}
	}
	return a
}

// taken archives the account, which must be whole then, and tells how many messages were downloaded, and how many taken by
// id.
func (a *account) taken(t *testing.T, r *repo.Repo) (downloaded, byID int) {
	t.Helper()
	before := a.bodies
	b := backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if !b.Manifest.Consistent {
		t.Error("the manifest is not called consistent")
	}
	total := b.Manifest.Totals
	if int(total.NewMessages) != a.bodies-before {
		t.Errorf("%d messages were downloaded, the manifest tells of %d", a.bodies-before, total.NewMessages)
	}
	recorded, of := 0, make(map[string]int)
	c, err := archive.OpenManifest(t.Context(), r, b.Head)
	if err != nil {
		t.Fatal(err)
	}
	for mailbox, err := range c.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for entry, err := range c.Entries(t.Context(), mailbox) {
			if err != nil {
				t.Fatal(err)
			}
			if entry.ByID {
				recorded++
				of[mailbox.Name]++
			}
		}
	}
	if recorded < int(total.TakenMessages) {
		t.Errorf("%d messages were taken by id, and so are marked %d (%v)", total.TakenMessages, recorded, of)
	}
	return a.bodies - before, int(total.TakenMessages)
}

func (a *account) mustTake(t *testing.T, r *repo.Repo, downloaded, byID int) {
	t.Helper()
	if d, n := a.taken(t, r); d != downloaded || n != byID {
		t.Errorf("%d messages were downloaded and %d taken by id, want %d and %d", d, n, downloaded, byID)
	}
}

func TestMovedMessagesAreNotDownloaded(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]func(string) mail.IDs{"EMAILID": byEmailID, "X-GUID": byXGUID} {
		t.Run(name, func(t *testing.T) {
			a := letters(named, "A", "B", "Z")
			r := newRepo(t, &storetest.Memory{})
			a.mustTake(t, r, 360, 0)
			for uid := mail.UID(1); uid <= 120; uid++ { // both ways, and on the way there other messages come
				a.mailbox("A").moveTo(a.mailbox("Z"), uid)
				if uid%3 == 0 {
					a.mailbox("Z").moveTo(a.mailbox("A"), uid)
				}
			}
			for n := range 7 {
				a.mailbox([]string{"A", "Z"}[n%2]).add(letterOf(5000 + n))
			}
			a.mustTake(t, r, 7, 160)
			if want := map[string]int{"EMAILID": 160, "X-GUID": 3 * 160}[name]; a.stretches != want {
				t.Errorf("%d stretches were asked for, want %d", a.stretches, want)
			}
			a.mustTake(t, r, 0, 0)
			a.mailbox("A").moveTo(a.mailbox("B"), a.mailbox("A").messages[0].uid) // one that was taken by id
			a.mustTake(t, r, 0, 1)
		})
	}
}

func TestMessagesOfAMailboxThatIsGoneAreNotDownloaded(t *testing.T) {
	a := letters(byXGUID, "A", "B")
	r := newRepo(t, &storetest.Memory{})
	a.mustTake(t, r, 240, 0)
	gone := a.mailbox("B")
	for uid := mail.UID(1); uid <= 110; uid++ {
		gone.copyTo(a.mailbox("A"), uid)
	}
	delete(a.mailboxes, "B")
	a.mustTake(t, r, 0, 110)
}

func TestCopiesAreNotDownloaded(t *testing.T) {
	a := letters(byEmailID, "A", "B")
	r := newRepo(t, &storetest.Memory{})
	a.mustTake(t, r, 240, 0)
	for uid := mail.UID(1); uid <= 100; uid++ {
		a.mailbox("A").copyTo(a.mailbox("C"), uid)
	}
	a.mustTake(t, r, 0, 100)
}

// A mailbox that was renumbered costs no more than what is new in it; an account that was renumbered is read anew.
func TestRenumberedMailboxAndAccount(t *testing.T) {
	a := letters(byXGUID, "A", "B")
	r := newRepo(t, &storetest.Memory{})
	a.mustTake(t, r, 240, 0)
	a.mailbox("A").expunge(5)
	a.mailbox("A").reset()
	a.mailbox("A").add(letterOf(7000))
	a.mustTake(t, r, 1, 119)
	a.mailbox("A").reset()
	a.mailbox("B").reset()
	asked := a.stretches
	a.mustTake(t, r, 240, 0)
	if a.stretches != asked {
		t.Error("ids were believed, though no mailbox is what it was")
	}
}

func TestMessageMovedInTheMiddleOfARunIsNotDownloadedAgain(t *testing.T) {
	a := letters(byXGUID, "A", "Z")
	a.onSurvey = func(n int) {
		if n == 2 { // both have been read
			for uid := mail.UID(1); uid <= 50; uid++ {
				a.mailbox("Z").moveTo(a.mailbox("A"), uid)
			}
		}
	}
	a.mustTake(t, newRepo(t, &storetest.Memory{}), 240, 50)
}

// An id that was given to another message than before is not believed, whatever else agrees.
func TestLyingIDs(t *testing.T) {
	t.Parallel()
	put := func(msg *message, at int, text string) {
		msg.body = slices.Clone(msg.body)
		copy(msg.body[at:], text)
	}
	for name, lie := range map[string]struct {
		do    func(*message)
		named func(string) mail.IDs
	}{
		"another header":          {func(m *message) { put(m, 9, "x") }, byEmailID},
		"another end of header":   {func(m *message) { put(m, bytes.Index(m.body, []byte("\r\n\r\n")), "\r\n  ") }, byEmailID},
		"another size":            {func(m *message) { m.body = append(slices.Clone(m.body), '\n') }, byEmailID},
		"another date":            {func(m *message) { m.date = " 1-Jan-2001 00:00:00 +0000" }, byEmailID},
		"another body":            {func(m *message) { copy(m.body, letterOf(1)); put(m, 0, letterOf(2)[:40]) }, byXGUID},
		"another middle":          {func(m *message) { put(m, len(m.body)/2, "xyz") }, byXGUID},
		"another end":             {func(m *message) { put(m, len(m.body)-3, "x") }, byXGUID},
		"another header, by GUID": {func(m *message) { put(m, 9, "x") }, byXGUID},
	} {
		t.Run(name, func(t *testing.T) {
			a := letters(lie.named, "A", "B")
			r := newRepo(t, &storetest.Memory{})
			a.mustTake(t, r, 240, 0)
			for uid := mail.UID(1); uid <= 30; uid++ {
				a.mailbox("A").moveTo(a.mailbox("B"), uid)
			}
			moved := a.mailbox("B").messages[120:]
			for i := range moved {
				if i%3 == 0 {
					lie.do(moved[i])
				}
			}
			a.mustTake(t, r, 10, 20)
		})
	}
}

// An id that is recorded of two bodies says nothing.
func TestIDOfTwoBodies(t *testing.T) {
	a := letters(byXGUID, "A", "B")
	for _, m := range a.mailboxes {
		m.messages[10].id = "twice"
	}
	r := newRepo(t, &storetest.Memory{})
	a.mustTake(t, r, 240, 0)
	to := a.mailbox("C")
	for _, name := range []string{"A", "B"} {
		a.mailbox(name).moveTo(to, 11)
	}
	a.mustTake(t, r, 2, 0)
}

// Ids that a renumbered mailbox gives to its messages anew, in another order; their dates tell nothing.
func TestIDsReusedAfterAReset(t *testing.T) {
	for _, named := range []func(string) mail.IDs{byEmailID, byXGUID} {
		a := letters(named, "A", "B")
		inbox := a.mailbox("A")
		for _, m := range inbox.messages {
			m.date = " 1-Jan-2001 00:00:00 +0000"
		}
		r := newRepo(t, &storetest.Memory{})
		a.mustTake(t, r, 240, 0)
		inbox.reset()
		first := inbox.messages[0].id
		for i := range inbox.messages {
			if i < len(inbox.messages)-1 {
				inbox.messages[i].id = inbox.messages[i+1].id
			} else {
				inbox.messages[i].id = first
			}
		}
		a.mustTake(t, r, 120, 0)
	}
}

// A server that refuses, or hangs up, when it is asked for stretches has its messages downloaded.
func TestStretchesThatAreNotToBeHad(t *testing.T) {
	for _, fault := range []error{archive.ErrRefused, archive.ErrTemporary} {
		a := letters(byXGUID, "A", "B")
		r := newRepo(t, &storetest.Memory{})
		a.mustTake(t, r, 240, 0)
		for uid := mail.UID(1); uid <= 20; uid++ {
			a.mailbox("A").moveTo(a.mailbox("B"), uid)
		}
		a.onStretches = func() error { return fmt.Errorf("%w: no stretches", fault) }
		a.mustTake(t, r, 20, 0)
	}
}

// What a writer's host archives costs as little: it cannot read mail, and need not.
func TestWriterTakesByID(t *testing.T) {
	owner, writer := newIdentity(t), newIdentity(t)
	store := &storetest.Memory{}
	r, err := repo.Init(t.Context(), store, repo.InitOptions{
		Owners: []age.Recipient{owner.Recipient()}, Writers: []age.Recipient{writer.Recipient()},
	})
	if err != nil {
		t.Fatal(err)
	}
	host, err := repo.Open(t.Context(), store, repo.Unlock{Identities: []age.Identity{writer}}, repo.Options{})
	if err != nil || host.CanRead() {
		t.Fatal(err, host.CanRead())
	}
	a := letters(byXGUID, "A", "B")
	backUp(t, host, a)
	for uid := mail.UID(1); uid <= 100; uid++ {
		a.mailbox("A").moveTo(a.mailbox("B"), uid)
	}
	bodies := a.bodies
	b := backUp(t, host, a)
	if a.bodies != bodies || b.Manifest.Totals.TakenMessages != 100 {
		t.Errorf("%d messages were downloaded, %d taken by id", a.bodies-bodies, b.Manifest.Totals.TakenMessages)
	}
	mustHold(t, r, b, a.state())
}

func newIdentity(t *testing.T) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A message that is really new is not looked for in the pages of the whole account, nor of a mailbox that is gone.
func TestNewMessageReadsNoPages(t *testing.T) {
	t.Parallel()
	operations := func(named func(string) mail.IDs) int {
		store := &storetest.Faulty{Store: &storetest.Memory{}}
		r := newRepo(t, store)
		a := letters(named, "A", "B", "C", "Gone")
		backUp(t, r, a)
		a.mailbox("A").add(letterOf(8000))
		delete(a.mailboxes, "Gone")
		before := store.Ops()
		mustHold(t, r, backUp(t, r, a), a.state())
		return store.Ops() - before
	}
	if without, with := operations(nil), operations(byXGUID); with != without {
		t.Errorf("%d operations of the store, and %d where messages have ids", without, with)
	}
}

// Moves, copies, resets, renamings and lies at random: each manifest is the account of its night.
func TestEveryManifestIsTheAccountOfItsNightWhateverTheIDs(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]func(string) mail.IDs{"EMAILID": byEmailID, "X-GUID": byXGUID} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, uint64(len(name))))
			a := letters(named, "A", "B", "C")
			r := newRepo(t, &storetest.Memory{})
			byID := 0
			for night := range 4 {
				for range rng.IntN(60) {
					a.shuffle(rng, night)
				}
				_, n := a.taken(t, r)
				byID += n
			}
			if byID < 20 {
				t.Errorf("only %d messages were taken by id", byID)
			}
		})
	}
}

// shuffle moves or copies a message, sometimes with an id that is another one's, or does something else.
func (a *account) shuffle(rng *rand.Rand, night int) {
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range a.mailboxes {
			if !yield(name) {
				return
			}
		}
	})
	from, to := a.mailboxes[names[rng.IntN(len(names))]], a.mailboxes[names[rng.IntN(len(names))]]
	if len(from.messages) == 0 || rng.IntN(15) == 0 {
		a.change(rng)
		return
	}
	uid := from.messages[rng.IntN(len(from.messages))].uid
	if rng.IntN(3) == 0 {
		from.copyTo(to, uid)
	} else {
		from.moveTo(to, uid)
	}
	moved := to.messages[len(to.messages)-1]
	if rng.IntN(10) == 0 {
		moved.body = []byte(letterOf(10_000*night + rng.IntN(1000)))
	}
}
