package archive_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// correspondence is an account that gets a few messages a night, in several mailboxes, with answers
// that quote each other.
type correspondence struct {
	*archivetest.Account
	rng  *rand.Rand
	said []string // in each mailbox, last
}

func newCorrespondence() *correspondence {
	return &correspondence{archivetest.NewAccount(), rand.New(rand.NewPCG(7, 7)), make([]string, 8)}
}

// night delivers messages.
func (c *correspondence) night(messages int) {
	for range messages {
		i := c.rng.IntN(len(c.said))
		var body strings.Builder
		for _, line := range strings.SplitAfter(c.said[i], "\n")[:min(20, strings.Count(c.said[i], "\n"))] {
			body.WriteString("> " + line)
		}
		for range 100 {
			for range 6 {
				fmt.Fprintf(&body, "%s ", words[c.rng.IntN(len(words))])
			}
			fmt.Fprintf(&body, "%x\r\n", c.rng.Uint32())
		}
		c.said[i] = body.String()
		box := c.Mailbox(fmt.Sprintf("Lists/%d", i))
		box.Add(fmt.Sprintf("From: member %d <m%d@example.org>\r\nMessage-ID: <%x@example.org>\r\nSubject: Re: topic %d\r\n\r\n%s",
			c.rng.IntN(20), i, c.rng.Uint64(), i, c.said[i]), `\Seen`)
	}
}

var words = strings.Fields("the archive keeps what the server had on every night and a restore brings it back as it was in each mailbox with its flags")

// kinds returns the number and the size of the objects of each kind.
func kinds(m *storetest.Memory) (objects map[string]int, size map[string]int64) {
	objects, size = map[string]int{}, map[string]int64{}
	for _, name := range m.Names() {
		kind, _, _ := strings.Cut(name, "/")
		objects[kind]++
		size[kind] += int64(len(m.Bytes(name)))
	}
	return objects, size
}

// stored is the size of packs and index.
func stored(m *storetest.Memory) int64 {
	_, size := kinds(m)
	return size["data"] + size["catalog"] + size["index"]
}

const aDay = 24*time.Hour + time.Minute

// After two prunes a day apart, an archive of many nights takes little more than one backup of the
// same mail, and has few objects beside its manifests. Every manifest still has the account as it
// was.
func TestTwoPrunesBringNightsTogether(t *testing.T) {
	const nights = 40
	m := new(storetest.Memory)
	r := archivetest.NewRepo(t, m)
	defer r.Close()
	mail := newCorrespondence()
	states := map[string][]string{}
	for night := range nights {
		mail.night(40)
		h := archivetest.Backup(t, r, mail.Account).Head
		if night%6 == 5 {
			states[h.Name] = mail.State()
		}
		m.Advance(aDay)
	}
	before, _ := kinds(m)
	mustPrune(t, r)
	m.Advance(aDay)
	mustPrune(t, r)

	once := new(storetest.Memory)
	fresh := archivetest.NewRepo(t, once)
	defer fresh.Close()
	archivetest.Backup(t, fresh, mail.Account)
	objects, size := kinds(m)
	_, sizeOnce := kinds(once)
	t.Logf("%v, in one backup %v", size, sizeOnce)
	if got, want := stored(m), stored(once); got*100 > want*110 {
		t.Errorf("%d bytes, %.2f of one backup", got, float64(got)/float64(want))
	}
	if n := objects["data"] + objects["catalog"] + objects["index"] + objects["condemned"]; n > 8 || before["data"] != nights {
		t.Errorf("%v objects are left of %v", objects, before)
	}
	host := archivetest.Reopen(t, m)
	for h, err := range host.EveryManifest(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if want, ok := states[h.Name]; ok && !slices.Equal(archivetest.ArchivedState(t, host, h), want) {
			t.Errorf("%s has another account", h.Name)
		}
	}
	archivetest.MustBeSound(t, host)
}
