package imapsource_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapsource"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

const roundTrip = storetest.RoundTrip

// farConn is a connection to a server that is a round trip away.
type farConn struct {
	net.Conn
	out, in chan delivery
	left    []byte // of what Read has received
	once    sync.Once
	ended   chan struct{}
}

// delivery is data that arrives at a time.
type delivery struct {
	at   time.Time
	data []byte
}

func newFarConn(near net.Conn) *farConn {
	c := &farConn{Conn: near, out: make(chan delivery, 10_000), in: make(chan delivery, 10_000), ended: make(chan struct{})}
	go func() {
		for {
			select {
			case d := <-c.out:
				time.Sleep(time.Until(d.at))
				if _, err := near.Write(d.data); err != nil {
					return
				}
			case <-c.ended:
				return
			}
		}
	}()
	go func() {
		defer close(c.in)
		for {
			b := make([]byte, 4096)
			n, err := near.Read(b)
			if err != nil {
				return
			}
			c.in <- delivery{time.Now().Add(roundTrip / 2), b[:n]}
		}
	}()
	return c
}

func (c *farConn) Write(p []byte) (int, error) {
	c.out <- delivery{time.Now().Add(roundTrip / 2), append([]byte(nil), p...)}
	return len(p), nil
}

func (c *farConn) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		d, ok := <-c.in
		if !ok {
			return 0, net.ErrClosed
		}
		time.Sleep(time.Until(d.at))
		c.left = d.data
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *farConn) SetDeadline(time.Time) error      { return nil }
func (c *farConn) SetReadDeadline(time.Time) error  { return nil }
func (c *farConn) SetWriteDeadline(time.Time) error { return nil }

func (c *farConn) Close() error {
	c.once.Do(func() { close(c.ended) })
	return c.Conn.Close()
}

// farOptions connect to the model from a round trip away. The server greets when it has the third
// packet of the handshake of TCP.
func farOptions(m *model) imap.Options {
	m.announces = true
	o := m.options()
	dial := o.Dial
	o.Connections = 4
	o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
		time.Sleep(roundTrip + roundTrip/2)
		near, err := dial(ctx, address)
		if err != nil {
			return nil, err
		}
		return newFarConn(near), nil
	}
	return o
}

func trips(since time.Time) int { return int((time.Since(since) + roundTrip/2) / roundTrip) }

// A survey takes the round trips of TCP, of the greeting, of the login, and one more, in which
// everything is asked.
func TestASurveyTakesFourRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := imapsource.NewSource(farOptions(newAccount()))
		defer time.Sleep(time.Second) // until the sessions have ended
		defer source.Close()
		began := time.Now()
		source.Connect(t.Context())
		if _, err := source.Server(t.Context()); err != nil {
			t.Fatal(err)
		}
		survey, err := source.Survey(t.Context())
		if err != nil || len(survey.Mailboxes) == 0 {
			t.Fatal(survey, err)
		}
		if n := trips(began); n > 4 {
			t.Errorf("%d round trips, want 4", n)
		}
		began = time.Now()
		if _, err := source.Survey(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := trips(began); n > 1 {
			t.Errorf("another survey takes %d round trips, want 1", n)
		}
	})
}

// After the first connection, others are made at once, and open their mailboxes together with the
// rest.
func TestConnectionsAreMadeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := imapsource.NewSource(farOptions(newAccount()))
		defer time.Sleep(time.Second) // until the sessions have ended
		defer source.Close()
		survey, err := source.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				view, err := source.Examine(t.Context(), survey.Mailboxes[0], nil)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(4 * roundTrip) // so that no other view takes the connection
				view.Close()
			})
		}
		all.Wait()
		if n := trips(began) - 4; n > 4 {
			t.Errorf("%d round trips until all have their mailbox, want 4", n)
		}
	})
}

// A caller that no longer needs a mailbox while it is opened does not wait, and does not cost the
// connection.
func TestAnOpeningThatIsCanceledKeepsItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := imapsource.NewSource(farOptions(newAccount()))
		defer time.Sleep(time.Second) // until the sessions have ended
		defer source.Close()
		survey, err := source.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), roundTrip/4)
		defer cancel()
		began := time.Now()
		if view, err := source.Examine(ctx, survey.Mailboxes[0], nil); err == nil {
			view.Close()
			t.Error("a mailbox was opened after its context ended")
		}
		if n := trips(began); n > 0 {
			t.Errorf("the caller waited for %d round trips, want 0", n)
		}
		time.Sleep(roundTrip)
		began = time.Now()
		if _, err := source.Survey(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := trips(began); n > 1 {
			t.Errorf("the next survey takes %d round trips, want 1, on the same connection", n)
		}
	})
}

// On a night without news, both sides are asked at once: the server's four round trips are over
// when the repository is open, and the manifest takes two more.
func TestAnUnchangedNightTakesSixRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := storetest.NewFar(&storetest.Memory{})
		options := repo.Options{CacheDir: t.TempDir(), StateDir: t.TempDir(), Location: "far"}
		r, err := repo.Init(t.Context(), far, repo.InitOptions{NoSeal: true, Options: options})
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		model := newAccount()
		for night := range 3 {
			time.Sleep(time.Hour)
			began := time.Now()
			source := imapsource.NewSource(farOptions(model))
			source.Connect(t.Context())
			time.Sleep(roundTrip) // until the store is connected
			r, err := repo.Open(t.Context(), far, repo.Unlock{}, options)
			if err != nil {
				t.Fatal(err)
			}
			backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "anna", Source: source}}, backup.Options{})
			if err != nil || backups[0].Err != nil {
				t.Fatal(err, backups[0].Err)
			}
			if n := trips(began); night > 0 && n > 6 {
				t.Errorf("night %d: %d round trips, want 6", night, n)
			}
			source.Close()
			r.Close()
			time.Sleep(time.Second)
		}
	})
}
