package backup_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func byEmailID(id string) mail.IDs { return mail.IDs{Email: "M" + id} }
func byXGUID(id string) mail.IDs   { return mail.IDs{XGUID: id} }

// letterOf returns a message of some 10 KB, most of it body.
func letterOf(n int) string {
	body := fmt.Appendf(nil, "Subject: %d\r\nMessage-ID: <%d@test>\r\n\r\n", n, n)
	rng := rand.NewPCG(uint64(n), 1)
	for len(body) < 10_000 {
		body = append(strconv.AppendUint(append(body, "line "...), rng.Uint64(), 16), "\r\n"...)
	}
	return string(body)
}

// letters returns an account whose messages have ids.
func letters(named func(string) mail.IDs, mailboxes ...string) *archivetest.Account {
	a := archivetest.NewAccount()
	a.IDsOf = named
	for i, name := range mailboxes {
		for n := range 120 {
			a.Mailbox(name).Add(letterOf(1000*i + n))
		}
	}
	return a
}

// taken archives the account, checks that it is complete, and returns how many messages were
// downloaded and how many were matched.
func taken(t *testing.T, a *archivetest.Account, r *repo.Repo) (downloaded, byID int) {
	t.Helper()
	before := a.Bodies
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if !b.Manifest.Consistent {
		t.Error("the manifest is not called consistent")
	}
	total := b.Manifest.Totals
	if int(total.NewMessages) != a.Bodies-before {
		t.Errorf("%d messages were downloaded, the manifest counts %d", a.Bodies-before, total.NewMessages)
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
	return a.Bodies - before, int(total.TakenMessages)
}

func mustTake(t *testing.T, a *archivetest.Account, r *repo.Repo, downloaded, byID int) {
	t.Helper()
	if d, n := taken(t, a, r); d != downloaded || n != byID {
		t.Errorf("%d messages were downloaded and %d taken by id, want %d and %d", d, n, downloaded, byID)
	}
}

func TestMovedMessagesAreNotDownloaded(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]func(string) mail.IDs{"EMAILID": byEmailID, "X-GUID": byXGUID} {
		t.Run(name, func(t *testing.T) {
			a := letters(named, "A", "B", "Z")
			r := archivetest.NewRepo(t, &storetest.Memory{})
			mustTake(t, a, r, 360, 0)
			for uid := mail.UID(1); uid <= 120; uid++ { // there and back; on the way there, other messages arrive
				a.Mailbox("A").MoveTo(a.Mailbox("Z"), uid)
				if uid%3 == 0 {
					a.Mailbox("Z").MoveTo(a.Mailbox("A"), uid)
				}
			}
			for n := range 7 {
				a.Mailbox([]string{"A", "Z"}[n%2]).Add(letterOf(5000 + n))
			}
			mustTake(t, a, r, 7, 160)
			if want := map[string]int{"EMAILID": 160, "X-GUID": 3 * 160}[name]; a.Ranges != want {
				t.Errorf("%d ranges were requested, want %d", a.Ranges, want)
			}
			mustTake(t, a, r, 0, 0)
			a.Mailbox("A").MoveTo(a.Mailbox("B"), a.Mailbox("A").Messages[0].UID) // one that was matched before
			mustTake(t, a, r, 0, 1)
		})
	}
}

func TestMessagesOfAVanishedMailboxAreNotDownloaded(t *testing.T) {
	a := letters(byXGUID, "A", "B")
	r := archivetest.NewRepo(t, &storetest.Memory{})
	mustTake(t, a, r, 240, 0)
	gone := a.Mailbox("B")
	for uid := mail.UID(1); uid <= 110; uid++ {
		gone.CopyTo(a.Mailbox("A"), uid)
	}
	delete(a.Mailboxes, "B")
	mustTake(t, a, r, 0, 110)
}

func TestCopiesAreNotDownloaded(t *testing.T) {
	a := letters(byEmailID, "A", "B")
	r := archivetest.NewRepo(t, &storetest.Memory{})
	mustTake(t, a, r, 240, 0)
	for uid := mail.UID(1); uid <= 100; uid++ {
		a.Mailbox("A").CopyTo(a.Mailbox("C"), uid)
	}
	mustTake(t, a, r, 0, 100)
}

// A mailbox that was renumbered costs only what is new in it. So does an account that was
// renumbered: there, sizes and dates are compared, because ids may be those of another server.
func TestRenumberedMailboxAndAccount(t *testing.T) {
	a := letters(byXGUID, "A", "B")
	r := archivetest.NewRepo(t, &storetest.Memory{})
	mustTake(t, a, r, 240, 0)
	a.Mailbox("A").Expunge(5)
	a.Mailbox("A").Reset()
	a.Mailbox("A").Add(letterOf(7000))
	mustTake(t, a, r, 1, 119)
	a.Mailbox("A").Reset()
	a.Mailbox("B").Reset()
	asked := a.Ranges
	mustTake(t, a, r, 6, 234) // the size and date of six are those of others too
	if a.Ranges != asked+3*234 {
		t.Errorf("%d ranges were requested: header and probe of each are wanted", a.Ranges-asked)
	}
}

func TestMessageMovedInTheMiddleOfARunIsNotDownloadedAgain(t *testing.T) {
	a := letters(byXGUID, "A", "Z")
	a.OnSurvey = func(n int) {
		if n == 2 { // both have been read
			for uid := mail.UID(1); uid <= 50; uid++ {
				a.Mailbox("Z").MoveTo(a.Mailbox("A"), uid)
			}
		}
	}
	mustTake(t, a, archivetest.NewRepo(t, &storetest.Memory{}), 240, 50)
}

// An id that now belongs to another message is not believed, even if everything else agrees.
func TestFalseIDs(t *testing.T) {
	t.Parallel()
	put := func(msg *archivetest.Message, at int, text string) {
		msg.Body = slices.Clone(msg.Body)
		copy(msg.Body[at:], text)
	}
	for name, lie := range map[string]struct {
		do    func(*archivetest.Message)
		named func(string) mail.IDs
	}{
		"another header":          {func(m *archivetest.Message) { put(m, 9, "x") }, byEmailID},
		"another end of header":   {func(m *archivetest.Message) { put(m, bytes.Index(m.Body, []byte("\r\n\r\n")), "\r\n  ") }, byEmailID},
		"another size":            {func(m *archivetest.Message) { m.Body = append(slices.Clone(m.Body), '\n') }, byEmailID},
		"another date":            {func(m *archivetest.Message) { m.Date = " 1-Jan-2001 00:00:00 +0000" }, byEmailID},
		"another body":            {func(m *archivetest.Message) { copy(m.Body, letterOf(1)); put(m, 0, letterOf(2)[:40]) }, byXGUID},
		"another middle":          {func(m *archivetest.Message) { put(m, len(m.Body)/2, "xyz") }, byXGUID},
		"another end":             {func(m *archivetest.Message) { put(m, len(m.Body)-3, "x") }, byXGUID},
		"another header, by GUID": {func(m *archivetest.Message) { put(m, 9, "x") }, byXGUID},
	} {
		t.Run(name, func(t *testing.T) {
			a := letters(lie.named, "A", "B")
			r := archivetest.NewRepo(t, &storetest.Memory{})
			mustTake(t, a, r, 240, 0)
			for uid := mail.UID(1); uid <= 30; uid++ {
				a.Mailbox("A").MoveTo(a.Mailbox("B"), uid)
			}
			moved := a.Mailbox("B").Messages[120:]
			for i := range moved {
				if i%3 == 0 {
					lie.do(moved[i])
				}
			}
			mustTake(t, a, r, 10, 20)
		})
	}
}

// An id that is recorded for two bodies matches nothing.
func TestIDOfTwoBodies(t *testing.T) {
	a := letters(byXGUID, "A", "B")
	for _, m := range a.Mailboxes {
		m.Messages[10].ID = "twice"
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	mustTake(t, a, r, 240, 0)
	to := a.Mailbox("C")
	for _, name := range []string{"A", "B"} {
		a.Mailbox(name).MoveTo(to, 11)
	}
	mustTake(t, a, r, 2, 0)
}

// A renumbered mailbox gives its ids to other messages, and the dates prove nothing.
func TestIDsReusedAfterAReset(t *testing.T) {
	for _, named := range []func(string) mail.IDs{byEmailID, byXGUID} {
		a := letters(named, "A", "B")
		inbox := a.Mailbox("A")
		for _, m := range inbox.Messages {
			m.Date = " 1-Jan-2001 00:00:00 +0000"
		}
		r := archivetest.NewRepo(t, &storetest.Memory{})
		mustTake(t, a, r, 240, 0)
		inbox.Reset()
		first := inbox.Messages[0].ID
		for i := range inbox.Messages {
			if i < len(inbox.Messages)-1 {
				inbox.Messages[i].ID = inbox.Messages[i+1].ID
			} else {
				inbox.Messages[i].ID = first
			}
		}
		mustTake(t, a, r, 120, 0)
	}
}

// If a server refuses or hangs up when ranges are requested, its messages are downloaded.
func TestRangesThatAreRefused(t *testing.T) {
	for _, fault := range []error{mail.ErrRefused, mail.ErrTemporary} {
		a := letters(byXGUID, "A", "B")
		r := archivetest.NewRepo(t, &storetest.Memory{})
		mustTake(t, a, r, 240, 0)
		for uid := mail.UID(1); uid <= 20; uid++ {
			a.Mailbox("A").MoveTo(a.Mailbox("B"), uid)
		}
		a.OnRanges = func() error { return fmt.Errorf("%w: no ranges", fault) }
		mustTake(t, a, r, 20, 0)
	}
}

// The host of a writer matches messages too, although it cannot read mail.
func TestWriterMatches(t *testing.T) {
	owner, writer := newIdentity(t), newIdentity(t)
	store := &storetest.Memory{}
	r, err := repo.Init(t.Context(), store, repo.InitOptions{
		Owners: []age.Recipient{owner.Recipient()}, Writers: []age.Recipient{writer.Recipient()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	host, err := repo.Open(t.Context(), store, repo.Unlock{Identities: []age.Identity{writer}}, repo.Options{})
	if err != nil || host.CanRead() {
		t.Fatal(err, host.CanRead())
	}
	defer host.Close()
	a := letters(byXGUID, "A", "B")
	archivetest.Backup(t, host, a)
	for uid := mail.UID(1); uid <= 100; uid++ {
		a.Mailbox("A").MoveTo(a.Mailbox("B"), uid)
	}
	bodies := a.Bodies
	b := archivetest.Backup(t, host, a)
	if a.Bodies != bodies || b.Manifest.Totals.TakenMessages != 100 {
		t.Errorf("%d messages were downloaded, %d taken by id", a.Bodies-bodies, b.Manifest.Totals.TakenMessages)
	}
	archivetest.MustHold(t, r, b, a.State())
}

func newIdentity(t *testing.T) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A new message is not looked for in the pages of the whole account, or of a mailbox that is gone.
func TestNewMessageReadsNoPages(t *testing.T) {
	t.Parallel()
	operations := func(named func(string) mail.IDs) int {
		store := &storetest.Faulty{Store: &storetest.Memory{}}
		r := archivetest.NewRepo(t, store)
		a := letters(named, "A", "B", "C", "Gone")
		archivetest.Backup(t, r, a)
		a.Mailbox("A").Add(letterOf(8000))
		delete(a.Mailboxes, "Gone")
		before := store.Ops()
		archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
		return store.Ops() - before
	}
	if without, with := operations(nil), operations(byXGUID); with != without {
		t.Errorf("%d operations of the store, and %d where messages have ids", without, with)
	}
}

// With random moves, copies, resets, renames and false ids, each manifest equals the account at
// that time.
func TestEveryManifestEqualsTheAccountWithAnyIDs(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]func(string) mail.IDs{"EMAILID": byEmailID, "X-GUID": byXGUID} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, uint64(len(name))))
			a := letters(named, "A", "B", "C")
			r := archivetest.NewRepo(t, &storetest.Memory{})
			byID := 0
			for night := range 4 {
				for range rng.IntN(60) {
					shuffle(a, rng, night)
				}
				_, n := taken(t, a, r)
				byID += n
			}
			if byID < 20 {
				t.Errorf("only %d messages were taken by id", byID)
			}
		})
	}
}

// shuffle moves or copies a message, sometimes with the id of another one, or does something else.
func shuffle(a *archivetest.Account, rng *rand.Rand, night int) {
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range a.Mailboxes {
			if !yield(name) {
				return
			}
		}
	})
	from, to := a.Mailboxes[names[rng.IntN(len(names))]], a.Mailboxes[names[rng.IntN(len(names))]]
	if len(from.Messages) == 0 || rng.IntN(15) == 0 {
		a.Change(rng)
		return
	}
	uid := from.Messages[rng.IntN(len(from.Messages))].UID
	if rng.IntN(3) == 0 {
		from.CopyTo(to, uid)
	} else {
		from.MoveTo(to, uid)
	}
	moved := to.Messages[len(to.Messages)-1]
	if rng.IntN(10) == 0 {
		moved.Body = []byte(letterOf(10_000*night + rng.IntN(1000)))
	}
}
