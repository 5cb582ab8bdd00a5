package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
)

// A night without news stores one small object, with any number of mailboxes, even if the server
// keeps no mod-sequences, so that all flags are read. So it does without a cache. 570 mailboxes are
// in twelve tables, and no number of mailboxes up to 3,072 is in more.
func TestANightWithoutNewsIsSmall(t *testing.T) {
	t.Parallel()
	for _, mailboxes := range []int{3, 570} {
		h := newHost(t)
		repository := filepath.Join(h.home, "repository")
		h.set("MAILSTRATA_REPO", repository)
		h.seal()
		server, anna := demoAccount(t)
		for i := range mailboxes {
			name := fmt.Sprintf("Customers/Number %d", i)
			if err := anna.Create(name); err != nil {
				t.Fatal(err)
			}
			appendTo(t, anna, name, 1+i%3)
		}
		h.backUp(0, server.URL("anna"))
		h.backUp(0, server.URL("anna"))
		night := func(what string) {
			t.Helper()
			fresh := h.freshAfter(repository, func() { h.backUp(0, server.URL("anna")) })
			if len(fresh) != 1 || fresh["manifests"] == 0 || fresh["manifests"] > 2560 {
				t.Errorf("%d mailboxes, %s: bytes in %v", mailboxes, what, fresh)
			}
		}
		night("without news")
		if err := os.RemoveAll(filepath.Join(h.home, ".cache")); err != nil {
			t.Fatal(err)
		}
		night("without a cache")
	}
}

// A night of seven new messages, beside which nothing changed, stores little more than them: one
// page, its list, its table, and what it takes to seal three objects.
func TestASmallNightStoresLittleBesideTheMail(t *testing.T) {
	t.Parallel()
	for _, account := range []struct{ inbox, others, most int }{{1000, 0, 9500}, {1000, 40, 9800}, {6000, 10, 10200}} {
		h := newHost(t)
		repository := filepath.Join(h.home, "repository")
		h.set("MAILSTRATA_REPO", repository)
		h.seal()
		server, anna := demoAccount(t)
		delivered := 0
		deliver := func(mailbox string, n int) {
			for range n {
				delivered++
				body := fmt.Appendf(nil, "Subject: message %d\r\n\r\nText of message %[1]d.\r\n", delivered)
				if err := anna.Append(mailbox, demo.Message{Body: body, Internal: time.Unix(1e9+int64(delivered), 0)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		deliver("INBOX", account.inbox)
		for i := range account.others {
			name := fmt.Sprintf("Customers/Number %d", i)
			if err := anna.Create(name); err != nil {
				t.Fatal(err)
			}
			deliver(name, 20)
		}
		h.backUp(0, server.URL("anna"))
		const nights = 4
		var sum int64
		for range nights {
			fresh := h.freshAfter(repository, func() {
				deliver("INBOX", 7)
				h.backUp(0, server.URL("anna"))
			})
			sum += fresh["catalog"] + fresh["index"] + fresh["manifests"]
		}
		if mean := int(sum) / nights; mean > account.most {
			t.Errorf("%d messages in INBOX and %d other mailboxes: %d bytes a night beside the mail, want at most %d",
				account.inbox, account.others, mean, account.most)
		}
	}
}

// freshAfter returns how many bytes of each kind a repository has after an act that it had not
// before.
func (h *host) freshAfter(repository string, act func()) map[string]int64 {
	h.t.Helper()
	before := objectsIn(h.t, repository)
	act()
	fresh := map[string]int64{}
	for _, object := range objectsIn(h.t, repository) {
		if slices.Contains(before, object) {
			continue
		}
		info, err := os.Stat(object)
		if err != nil {
			h.t.Fatal(err)
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(object, repository+"/"), "/")
		fresh[kind] += info.Size()
	}
	return fresh
}
