package silence_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/silence"
)

// A silence is reported after 30 s and whenever it has doubled, once for all who wait, and never
// when nobody waits.
func TestWatch(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(w *silence.Watch)
		want []string // when and for how long
	}{
		"one wait": {func(w *silence.Watch) {
			w.Begin()
			time.Sleep(5 * time.Minute)
			w.End()
		}, []string{"30s 30s", "1m0s 1m0s", "2m0s 2m0s", "4m0s 4m0s"}},
		"until the limit": {func(w *silence.Watch) {
			w.Begin()
			time.Sleep(time.Hour)
			w.End()
		}, []string{"30s 30s", "1m0s 1m0s", "2m0s 2m0s", "4m0s 4m0s"}},
		"two waits, one of which ends": {func(w *silence.Watch) {
			w.Begin()
			w.Begin()
			time.Sleep(20 * time.Second)
			w.End()
			time.Sleep(31 * time.Second)
			w.End()
		}, []string{"50s 30s"}},
		"waits that are short": {func(w *silence.Watch) {
			for range 10 {
				w.Begin()
				time.Sleep(29 * time.Second)
				w.End()
			}
		}, nil},
		"bytes move": {func(w *silence.Watch) {
			w.Begin()
			for range 10 {
				time.Sleep(29 * time.Second)
				w.Moved()
			}
			time.Sleep(31 * time.Second)
			w.End()
		}, []string{"5m20s 30s"}},
		"nobody waits": {func(w *silence.Watch) {
			w.Begin()
			w.End()
			time.Sleep(time.Hour)
			w.Begin()
			time.Sleep(31 * time.Second)
			w.End()
		}, []string{"1h0m30s 30s"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var mu sync.Mutex
				var have []string
				test.do(silence.New(5*time.Minute, func(silence, _ time.Duration) {
					mu.Lock()
					defer mu.Unlock()
					have = append(have, time.Since(began).String()+" "+silence.String())
				}))
				time.Sleep(time.Hour)
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(have, test.want) {
					t.Errorf("have %q, want %q", have, test.want)
				}
			})
		})
	}
}

// Without a function to call there is no Watch, and the requests go as they are.
func TestNone(t *testing.T) {
	w := silence.New(time.Hour, nil)
	w.Begin()
	w.Moved()
	w.End()
	if w.Transport(http.DefaultTransport) != http.DefaultTransport {
		t.Error("the requests are watched")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// slow is a body whose bytes come one at a time, each after a wait.
type slow struct {
	wait time.Duration
	left int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	time.Sleep(s.wait)
	return copy(p, "x"), nil
}

// A server is silent if it does not answer, or stops in an answer; not while it takes a long
// request, and not while the caller does something else.
func TestTransport(t *testing.T) {
	answer := func(body io.Reader) *http.Response { return &http.Response{Body: io.NopCloser(body)} }
	for name, test := range map[string]struct {
		serve roundTripper
		pause time.Duration // between two reads
		want  int64
	}{
		"no answer": {func(*http.Request) (*http.Response, error) {
			time.Sleep(45 * time.Second)
			return nil, errors.New("stalled")
		}, 0, 1},
		"stops": {func(*http.Request) (*http.Response, error) {
			return answer(&slow{45 * time.Second, 1}), nil
		}, 0, 1},
		"a slow answer": {func(*http.Request) (*http.Response, error) {
			return answer(&slow{20 * time.Second, 10}), nil
		}, 0, 0},
		"a slow caller": {func(*http.Request) (*http.Response, error) {
			return answer(&slow{0, 3}), nil
		}, time.Hour, 0},
		"a long request": {func(r *http.Request) (*http.Response, error) {
			_, err := io.Copy(io.Discard, r.Body)
			return answer(strings.NewReader("")), err
		}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reports atomic.Int64
				client := silence.New(time.Hour, func(_, _ time.Duration) { reports.Add(1) }).Transport(test.serve)
				r, err := http.NewRequest("POST", "https://mail.example/", &slow{20 * time.Second, 10})
				if err != nil {
					t.Fatal(err)
				}
				if a, err := client.RoundTrip(r); err == nil {
					for err == nil {
						time.Sleep(test.pause)
						_, err = a.Body.Read(make([]byte, 8))
					}
				}
				synctest.Wait()
				if have := reports.Load(); have != test.want {
					t.Errorf("%d reports, want %d", have, test.want)
				}
			})
		})
	}
}
