package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// The first connection brings a spare one, which the next caller for the same address gets at once. It is closed if
// nobody needs it soon.
func TestSpareConnection(t *testing.T) {
	const away = 50 * time.Millisecond
	for name, test := range map[string]struct {
		pause   time.Duration // before the last connection
		address string        // of the last connection
		fails   bool          // the spare connection cannot be made
		dials   int
		wait    time.Duration // for the last connection
	}{
		"needed":          {time.Second, "a:443", false, 3, 0},
		"needed too soon": {away / 2, "a:443", false, 4, away},
		"too old":         {spareLife + time.Second, "a:443", false, 4, away},
		"another host":    {time.Second, "b:443", false, 4, away},
		"not made":        {time.Second, "a:443", true, 4, away},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := make(chan net.Conn, 10)
				d := &dialer{dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					time.Sleep(away)
					conn, _ := net.Pipe()
					dials <- conn
					if ctx.Done() == nil && test.fails { // it is not made for a request
						return nil, errors.New("no more connections")
					}
					return conn, nil
				}}
				for i := range 2 { // as requests at once
					go func() {
						time.Sleep(time.Duration(i))
						if _, err := d.DialContext(t.Context(), "tcp", "a:443"); err != nil {
							t.Error(err)
						}
					}()
				}
				time.Sleep(test.pause)
				began := time.Now()
				if _, err := d.DialContext(t.Context(), "tcp", test.address); err != nil {
					t.Error(err)
				}
				if have, want := fmt.Sprint(len(dials), time.Since(began)), fmt.Sprint(test.dials, test.wait); have != want {
					t.Errorf("dials and wait: %s, want %s", have, want)
				}
				time.Sleep(2 * spareLife)
				if len(d.spare) > 0 {
					t.Error("a spare connection is kept")
				}
			})
		})
	}
}
