package doctor

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// gatheringServer greets clients when so many are connected, and hangs up on them. It returns the
// most that it had at once.
func gatheringServer(t *testing.T, gather int) (url string, most func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	now, highest, gathered := 0, 0, make(chan struct{})
	count := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		if now += by; now > highest {
			if highest = now; highest == gather {
				close(gathered)
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			count(1)
			go func() {
				defer conn.Close()
				select {
				case <-gathered:
				case <-time.After(5 * time.Minute):
				}
				count(-1) // before the client knows
				fmt.Fprint(conn, "* BYE come back tomorrow\r\n")
			}()
		}
	}()
	return "imap://anna@" + l.Addr().String(), func() int {
		mu.Lock()
		defer mu.Unlock()
		return highest
	}
}

// Several accounts are checked at once, but not all, and what is found is in their order.
func TestAccountsAreCheckedAtOnce(t *testing.T) {
	url, most := gatheringServer(t, accountsAtOnce)
	environment := map[string]string{"HOME": t.TempDir(), "MAILSTRATA_IMAP_PASSWORD": "secret"}
	host := access.NewHost(new(ui.Output), io.Discard, func(name string) string { return environment[name] })
	host.Flags.AllowPlaintext = true
	var accounts []*access.Account
	for i := range 3 * accountsAtOnce {
		a, err := access.ParseAccount(url)
		if err != nil {
			t.Fatal(err)
		}
		a.Name = fmt.Sprint(i)
		accounts = append(accounts, a)
	}
	found := Accounts(t.Context(), host, accounts, new(access.AccountFlags), 0)
	if len(found) != len(accounts) || most() != accountsAtOnce {
		t.Fatalf("%d findings, %d accounts at once, want %d: %+v", len(found), most(), accountsAtOnce, found)
	}
	for i, f := range found {
		if f.Subject != fmt.Sprint(i) || f.Check != "login" || f.Status != Fail {
			t.Errorf("%d: %+v", i, f)
		}
	}
}
