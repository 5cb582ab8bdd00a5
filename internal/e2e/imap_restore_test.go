package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/mail"
)

// archived is an account with everything in it, and its archive.
func archived(t *testing.T, seed uint64) (h *host, dovecot *testbed.DovecotServer, want account) {
	t.Helper()
	minio := testbed.MinIO(t)
	dovecot = startDovecot(t, testbed.DovecotOptions{Config: oddZone()})
	fill(t, dovecot, "anna", seed, 10, 5<<20)
	h = newHost(t)
	h.use(minio, minio.NewBucket())
	h.seal()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	return h, dovecot, readAccount(t, dovecot.Addr, "anna", imapPassword)
}

// An archive is restored over IMAP to another account of the same server. What the server refuses
// is reported and kept, and a second restore adds nothing.
func TestLosslessThroughIMAP(t *testing.T) {
	t.Parallel()
	h, dovecot, want := archived(t, 7)
	keep := filepath.Join(h.home, "kept")
	target := accountURL("bert", dovecot.Addr)
	r := h.restore(3, "latest", target, "--keep", keep)
	accounted(t, readAccount(t, dovecot.Addr, "bert", imapPassword), want, r)
	if r.Refused == 0 {
		t.Error("Dovecot takes the empty message: there is nothing that was refused, and nothing is shown of it")
	}

	for name, host := range map[string]*host{"the same host": h, "a host that remembers nothing": sameKey(t, h)} {
		again := host.restore(3, "latest", target)
		if again.Added != 0 || again.Present != r.Added || again.Refused != r.Refused {
			t.Errorf("restored again by %s, it reports %+v", name, again)
		}
	}
	if n := readAccount(t, dovecot.Addr, "bert", imapPassword).count(); n != r.Added {
		t.Errorf("then there are %d messages, not %d", n, r.Added)
	}
}

// The same to a server of another kind, below a prefix.
func TestLosslessThroughMox(t *testing.T) {
	t.Parallel()
	mox := testbed.Mox(t)
	h, _, want := archived(t, 8)
	h.set("MAILSTRATA_IMAP_PASSWORD", mox.Password)
	keep := filepath.Join(h.home, "kept")
	target := accountURL(mox.User, mox.Addr)
	first := h.run("restore", "--json", "latest", "--to", target, "--with-deleted", "--prefix", "e2e", "--keep", keep)
	var r restored
	first.json(&r)
	if wantStatus := map[bool]int{true: 3, false: 0}[r.Refused > 0]; first.status != wantStatus {
		t.Errorf("%s ends with %d:\n%s", first.call, first.status, first.stderr)
	}
	have := account{}
	for name, b := range readAccount(t, mox.Addr, mox.User, mox.Password) {
		if below, ok := strings.CutPrefix(name, "e2e/"); ok {
			have[below] = b
		}
	}
	accounted(t, have, want, r)

	again := h.run("restore", "--json", "latest", "--to", target, "--with-deleted", "--prefix", "e2e")
	var second restored
	if again.json(&second); second.Added != 0 || second.Present != r.Added || second.Refused != r.Refused {
		t.Errorf("restored again, it reports %+v", second)
	}
}

// A restore whose process is killed during an APPEND, again and again, is completed by another one,
// and adds nothing twice: on the host that has the journal, and on one that has not.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	h, dovecot, _ := archived(t, 9)
	whole := h.restore(3, "latest", accountURL("whole", dovecot.Addr))
	want := readAccount(t, dovecot.Addr, "whole", imapPassword)
	for user, completing := range map[string]*host{"same host": h, "other host": sameKey(t, h)} {
		t.Run(user, func(t *testing.T) {
			k := startKiller(t, dovecot.Addr) // one: the journal goes by the server's address
			for _, after := range []int64{20_000, 500_000, 4 << 20} {
				k.restore(t, h, user, after)
			}
			r := completing.restore(3, "latest", accountURL(user, k.addr))
			if r.Added == 0 || r.Present == 0 || r.Added+r.Present != whole.Added {
				t.Errorf("of %d messages %d were added to %d", whole.Added, r.Added, r.Present)
			}
			have := readAccount(t, dovecot.Addr, user, imapPassword)
			for name, w := range want {
				once(t, name, have[name].letters, w.letters)
			}
			if completing != h {
				return
			}
			// The report has what the killed restores altered, as after a single restore, and only
			// once.
			if have, want := reported(r), reported(whole); !maps.Equal(have, want) {
				t.Errorf("it reports\n%v, and one that was not killed\n%v", have, want)
			}
			if again := h.restore(3, "latest", accountURL(user, k.addr)); len(again.Problems) != again.Refused {
				t.Errorf("the next restore reports once more: %v", again.Problems)
			}
		})
	}
}

// reported returns the messages in a report. Dates that the server could not keep became the time
// of each restore.
func reported(r restored) map[string]bool {
	list := map[string]bool{}
	for _, p := range r.Problems {
		reason, _, _ := strings.Cut(p.Reason, " became ")
		list[fmt.Sprint(p.Kind, " ", p.Mailbox, " ", p.UID, " ", reason)] = true
	}
	return list
}

// once requires the right number of copies of each message, in any order.
func once(t *testing.T, mailbox string, have, want []*letter) {
	t.Helper()
	copies := map[string]int{}
	for _, l := range have {
		copies[fmt.Sprintf("%d bytes %.8x %s", l.size, l.sum, l.flags)]++
	}
	for _, l := range want {
		copies[fmt.Sprintf("%d bytes %.8x %s", l.size, l.sum, l.flags)]--
	}
	for message, n := range copies {
		if n != 0 {
			t.Errorf("mailbox %s: %+d of %s", mailbox, n, message)
		}
	}
}

// killer is a proxy that kills restores after they have sent a number of bytes.
type killer struct {
	*proxy
	mu      sync.Mutex
	limit   int64
	reached chan struct{} // nil: nothing is to be killed
}

func startKiller(t *testing.T, server string) *killer {
	k := &killer{}
	k.proxy = startProxy(t, server, func(sent, _ int64) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.reached != nil && sent > k.limit {
			close(k.reached)
			k.reached = nil
		}
	})
	return k
}

// restore begins a restore and kills it after it has sent a number of bytes.
func (k *killer) restore(t *testing.T, h *host, user string, after int64) {
	t.Helper()
	reached := make(chan struct{})
	sent, _, _ := k.traffic("APPEND")
	k.mu.Lock()
	k.limit, k.reached = sent+after, reached
	k.mu.Unlock()
	cmd := h.command("restore", "latest", "--to", accountURL(user, k.addr), "--with-deleted")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-reached:
		_ = cmd.Process.Kill()
		<-ended
	case err := <-ended:
		t.Errorf("the restore ends (%v) before it has sent %d bytes", err, after)
	}
}

// sameKey is another host with the same repository, without a journal.
func sameKey(t *testing.T, h *host) *host {
	other := newHost(t)
	other.env = append(slices.Clone(h.env), "HOME="+other.home)
	other.secrets = h.secrets
	return other
}

// accounted requires every message of an account to be in the target as it was, or in the report:
// as changed (flags, date) or altered (bytes), and in the target, or as refused. Altered or refused
// messages are kept as files.
func accounted(t *testing.T, have, want account, r restored) {
	t.Helper()
	reported := map[string]map[uint32]problem{}
	for _, p := range r.Problems {
		name := rawName(p.Mailbox)
		if reported[name] == nil {
			reported[name] = map[uint32]problem{}
		}
		reported[name][p.UID] = p
	}
	total := 0
	for name, w := range want {
		var h []*letter
		if have[name] != nil {
			h = have[name].letters
		} else if w.selectable {
			t.Errorf("mailbox %s was not restored", name)
		}
		total += len(h)
		expected := slices.DeleteFunc(slices.Clone(w.letters), func(l *letter) bool {
			p := reported[name][l.uid]
			if p.Kind == "refused" || p.Kind == "altered" {
				kept(t, l, p)
			}
			return p.Kind == "refused"
		})
		arrived(t, name, h, expected, reported[name])
	}
	if total != r.Added || r.Added+r.Refused != want.count() || r.Failed > 0 {
		t.Errorf("%d messages are there of %d; the report has %d added, %d refused, %d failed", total, want.count(), r.Added, r.Refused, r.Failed)
	}
	for _, p := range r.Problems {
		t.Log(p)
	}
}

// kept requires a message to be in the file that the report names, byte for byte.
func kept(t *testing.T, l *letter, p problem) {
	t.Helper()
	data, err := os.ReadFile(p.Kept)
	if err != nil || sha256.Sum256(data) != l.sum {
		t.Errorf("%s: it is not in %q: %v", p, p.Kept, err)
	}
}

// arrived compares messages with those of a server that may report dates in another zone, and add
// keywords.
func arrived(t *testing.T, mailbox string, have, want []*letter, reported map[uint32]problem) {
	t.Helper()
	if len(have) != len(want) {
		t.Errorf("mailbox %s: %d messages, want %d", mailbox, len(have), len(want))
		return
	}
	for i, w := range want {
		p, changed := reported[w.uid]
		same := have[i].sum == w.sum && keywordsOf(have[i]) == keywordsOf(w) && instant(have[i]).Equal(instant(w))
		if have[i].sum != w.sum && p.Kind != "altered" {
			t.Errorf("mailbox %s, UID %d has other bytes, and is not reported to be altered: %s", mailbox, w.uid, p)
		}
		if !same && !changed {
			t.Errorf("mailbox %s, UID %d: nothing is reported about it, and\nhave %s\nwant %s", mailbox, w.uid, have[i], w)
		}
		if same && changed {
			t.Errorf("mailbox %s, UID %d is as it was, and yet: %s", mailbox, w.uid, p)
		}
	}
}

// keywordsOf returns a message's flags in lower case, without those that mox adds.
func keywordsOf(l *letter) string {
	flags := slices.DeleteFunc(strings.Fields(strings.ToLower(l.flags)), func(flag string) bool { return flag == "$notjunk" })
	slices.Sort(flags)
	return strings.Join(flags, " ")
}

func instant(l *letter) time.Time {
	when, err := time.Parse("_2-Jan-2006 15:04:05 -0700", l.date)
	if err != nil {
		return time.Time{}
	}
	return when
}

// rawName returns a mailbox's name as it is sent to the server.
func rawName(name string) string {
	levels := strings.Split(name, "/")
	for i, level := range levels {
		levels[i] = mail.EncodeName(level)
	}
	return strings.Join(levels, "/")
}
