package testbed

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Spoil is what a Gateway does to a request.
type Spoil int

const (
	Pass     Spoil = iota
	Drop           // the store never sees it, and the connection ends
	Fail           // the store never sees it, and the answer is 500
	SlowDown       // likewise 503, with the code SlowDown
	Taken          // likewise 412, as if the name were taken: a lie
	Lose           // the store does it, and the connection ends before the answer
	Deny           // the store does it, and the answer is 500
	Truncate       // the store does it, and the answer's body ends in its middle
	Stale          // a listing lacks what was put since Remember; all else passes
	Stall          // the store does it, and the answer does not come
)

func (s Spoil) String() string {
	return [...]string{"pass", "drop", "fail", "slow down", "taken", "lose", "deny", "truncate", "stale", "stall"}[s]
}

// Request is one request that a Gateway is about to pass on.
type Request struct {
	N      int // counts them, from 1
	Method string
	Key    string // of the object, without bucket; "" where the bucket is asked
}

// Gateway is a proxy in front of an object store that spoils requests. It can also have a clock,
// which then seems to be the store's: in Date, and in the times of objects. Set the fields before
// the first request.
type Gateway struct {
	Spoil func(Request) Spoil // nil: none
	Clock func() time.Time    // nil: the store's

	store S3

	mu     sync.Mutex
	n      int
	sent   int64                // bytes of bodies of PUT that came
	made   map[string]time.Time // by bucket/key, when it was put, by Clock
	begun  map[string]time.Time // likewise when a put of it began that is under way: others can list it already
	recent map[string]bool      // keys that were put since Remember
}

// Before puts the gateway in front of a store, and returns the store as seen through it.
func (g *Gateway) Before(t testing.TB, s S3) S3 {
	t.Helper()
	g.store, g.made, g.begun, g.recent = s, map[string]time.Time{}, map[string]time.Time{}, map[string]bool{}
	server := httptest.NewUnstartedServer(g)
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	s.Endpoint = server.URL
	return s
}

// Remember resets the counts, and uses the present content of the store for stale listings.
func (g *Gateway) Remember() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n, g.sent, g.recent = 0, 0, map[string]bool{}
}

// Traffic returns the number of requests since Remember, and of bytes that were put.
func (g *Gateway) Traffic() (requests int, put int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n, g.sent
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	spoil := g.count(r.Method, key, int64(len(body)))
	switch spoil {
	case Drop:
		panic(http.ErrAbortHandler)
	case Fail:
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	case SlowDown:
		refuse(w, http.StatusServiceUnavailable, "SlowDown")
		return
	case Taken:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	if r.Method == http.MethodPut {
		g.begin(r.URL.Path)
	}
	answer, content := g.ask(r, body)
	if r.Method == http.MethodPut && answer.StatusCode == http.StatusOK && key != "" {
		g.put(r.URL.Path, key)
	}
	switch spoil {
	case Lose:
		panic(http.ErrAbortHandler)
	case Deny:
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	case Stall:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	g.answer(w, r, answer, content, spoil)
}

// count counts a request and asks what becomes of it.
func (g *Gateway) count(method, key string, size int64) Spoil {
	g.mu.Lock()
	g.n++
	g.sent += size
	n := g.n
	g.mu.Unlock()
	if g.Spoil == nil {
		return Pass
	}
	return g.Spoil(Request{n, method, key})
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>spoilt</Message></Error>", code)
}

// ask passes a request on as it came: what is signed is the Host and some headers.
func (g *Gateway) ask(r *http.Request, body []byte) (*http.Response, []byte) {
	ctx := r.Context()
	if r.Method == http.MethodPut { // the sender may be killed when the store has it already, at a time of this clock
		ctx = context.WithoutCancel(ctx)
	}
	out, err := http.NewRequestWithContext(ctx, r.Method, g.store.Endpoint+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Host, out.Header, out.ContentLength = r.Host, r.Header, int64(len(body))
	answer, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return answer, content
}

func (g *Gateway) begin(path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.Clock != nil {
		g.begun[path] = g.Clock()
	}
}

func (g *Gateway) put(path, key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recent[key] = true
	if g.Clock != nil {
		g.made[path] = g.Clock()
	}
}

// answer sends the store's answer, changed by the gateway's clock and by what to spoil.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, answer *http.Response, content []byte, spoil Spoil) {
	if r.Method == http.MethodGet && r.URL.Query().Has("list-type") {
		content = g.relist(strings.TrimSuffix(r.URL.Path, "/"), content, spoil == Stale)
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	}
	if g.Clock != nil {
		w.Header().Set("Date", g.Clock().UTC().Format(http.TimeFormat))
	}
	w.WriteHeader(answer.StatusCode)
	if spoil == Truncate {
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(content)
}

var (
	line     = regexp.MustCompile(`(?s)<Contents>.*?</Contents>`)
	keyOf    = regexp.MustCompile(`<Key>(.*?)</Key>`)
	modified = regexp.MustCompile(`<LastModified>.*?</LastModified>`)
)

// relist makes a listing stale, or puts the times of the gateway's clock into it.
func (g *Gateway) relist(bucket string, list []byte, stale bool) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return line.ReplaceAllFunc(list, func(entry []byte) []byte {
		key := string(keyOf.FindSubmatch(entry)[1])
		if stale && g.recent[key] {
			return nil
		}
		at, ok := g.made[bucket+"/"+key]
		if !ok {
			at, ok = g.begun[bucket+"/"+key]
		}
		if ok {
			return modified.ReplaceAll(entry,
				[]byte("<LastModified>"+at.UTC().Format("2006-01-02T15:04:05.000Z")+"</LastModified>"))
		}
		return entry
	})
}
