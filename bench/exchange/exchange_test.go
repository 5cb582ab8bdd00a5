package exchange

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/bench/farline"
)

const trip = 40 * time.Millisecond

// A chain is the requests that waited for one another. Those at once count as one.
func TestChain(t *testing.T) {
	begin := time.Now()
	ms := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Millisecond) }
	for _, c := range []struct {
		name  string
		times [][2]int
		want  int
	}{
		{"nothing", nil, 0},
		{"one", [][2]int{{0, 50}}, 1},
		{"at once", [][2]int{{0, 50}, {1, 51}, {30, 80}, {40, 90}}, 1},
		{"one after the other", [][2]int{{50, 100}, {0, 50}, {101, 160}}, 3},
		{"ends that were seen late", [][2]int{{0, 52}, {50, 102}, {100, 152}}, 3},
		{"many during a long one", [][2]int{{0, 1000}, {0, 50}, {60, 110}, {120, 170}}, 3},
		{"two by two", [][2]int{{0, 50}, {0, 50}, {50, 100}, {51, 101}, {104, 154}, {101, 151}}, 3},
	} {
		var list []exchange
		for _, at := range c.times {
			list = append(list, exchange{begin: ms(at[0]), end: ms(at[1])})
		}
		if got := chain(list, 5*time.Millisecond); got != c.want {
			t.Errorf("%s: the chain has %d, not %d", c.name, got, c.want)
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Requests at once are a chain of one, requests in turn one of as many; bytes are those of bodies.
func TestStore(t *testing.T) {
	near := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%03d", n)
	}))
	near.Start()
	t.Cleanup(near.Close)
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	for _, c := range []struct {
		name   string
		config *tls.Config
		trips  int // beside the requests
	}{{"http", nil, 1}, {"https", &tls.Config{Certificates: certified.TLS.Certificates}, 2}} {
		l := NewLog(trip)
		proxy, err := l.Store(near.URL)
		if err != nil {
			t.Fatal(err)
		}
		listener := l.Listen(&farline.Line{RoundTrip: trip}, listen(t), c.config)
		t.Cleanup(func() { listener.Close() })
		go http.Serve(listener, proxy)
		client := certified.Client()
		client.Timeout = time.Minute
		post := func() {
			resp, err := client.Post(c.name+"://"+listener.Addr().String(), "", strings.NewReader("0123456789"))
			if err != nil {
				t.Error(err)
				return
			}
			body, err := io.ReadAll(resp.Body)
			if resp.Body.Close(); string(body) != "010" || err != nil {
				t.Errorf("the answer is %q: %v", body, err)
			}
		}
		for range 3 {
			post()
		}
		if got, want := l.Take(), (Summary{Requests: 3, Chain: 3, Trips: 3 + c.trips, Read: 9, Written: 30}); got != want {
			t.Errorf("%s: one after the other: %+v, not %+v", c.name, got, want)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(post)
		}
		all.Wait()
		if got := l.Take(); got.Requests != 8 || got.Chain >= 8 || got.Chain < 1 {
			t.Errorf("%s: eight at once: %+v", c.name, got)
		}
	}
}

// Requests are counted by method; a listing is not a GET.
func TestMethods(t *testing.T) {
	near := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(near.Close)
	l := NewLog(0)
	proxy, err := l.Store(near.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"GET /b/data/1", "GET /b/?list-type=2&prefix=data", "PUT /b/x", "HEAD /b/x", "DELETE /b/x", "GET /b/?location"} {
		method, path, _ := strings.Cut(line, " ")
		proxy.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	got := l.Take()
	if got.Read = 0; got != (Summary{Requests: 6, Get: 2, List: 1, Put: 1, Head: 1}) {
		t.Errorf("counted: %+v", got)
	}
}

// The greeting is an exchange, and what a program sends ahead is one with the answers to it.
func TestMail(t *testing.T) {
	server := listen(t)
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprintln(c, "* OK")
				for s := bufio.NewScanner(c); s.Scan(); {
					fmt.Fprintln(c, s.Text()+" OK")
				}
			}()
		}
	}()
	l := NewLog(trip)
	from := l.Listen(&farline.Line{RoundTrip: trip}, listen(t), nil)
	go l.Mail(from, server.Addr().String())
	c, err := net.Dial("tcp", from.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(c)
	lines.Scan()
	for _, commands := range []string{"a", "b\nc\nd", "e"} {
		fmt.Fprintln(c, commands)
		for range strings.Fields(commands) {
			if lines.Scan(); !strings.HasSuffix(lines.Text(), " OK") {
				t.Fatalf("the server answers %q", lines.Text())
			}
		}
	}
	c.Close()
	if got, want := l.Take(), (Summary{Trips: 5}); got != want { // TCP, the greeting, and three
		t.Errorf("recorded: %+v, not %+v", got, want)
	}
}
