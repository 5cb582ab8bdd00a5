package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// fleetStore is a way to an object store. It counts what passes, and lets each request wait for a round trip.
type fleetStore struct {
	server *httptest.Server

	mu  sync.Mutex
	now traffic
}

// traffic is what passed.
type traffic struct {
	methods map[string]int   // requests
	objects map[string]int   // puts, by the first folder of the name
	bytes   map[string]int64 // of these
	read    int64            // bytes of answers
}

func (t traffic) requests() (n int) {
	for _, count := range t.methods {
		n += count
	}
	return n
}

func (t traffic) put() (objects int, bytes int64) {
	for folder, n := range t.objects {
		objects, bytes = objects+n, bytes+t.bytes[folder]
	}
	return objects, bytes
}

func newFleetStore(endpoint string, roundTrip time.Duration) (*fleetStore, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	s := &fleetStore{}
	s.reset()
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: transport,
		ModifyResponse: func(r *http.Response) error {
			s.mu.Lock()
			s.now.read += max(0, r.ContentLength)
			s.mu.Unlock()
			return nil
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.count(r)
		time.Sleep(roundTrip)
		proxy.ServeHTTP(w, r)
	}))
	return s, nil
}

func (s *fleetStore) endpoint() string { return s.server.URL }
func (s *fleetStore) close()           { s.server.Close() }

func (s *fleetStore) count(r *http.Request) {
	method := r.Method
	if method == http.MethodGet && r.URL.Query().Has("list-type") {
		method = "LIST"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.methods[method]++
	if method == http.MethodPut {
		folder := strings.Split(r.URL.Path+"//", "/")[2]
		s.now.objects[folder]++
		s.now.bytes[folder] += r.ContentLength
	}
}

func (s *fleetStore) reset() { s.taken() }

// taken returns what passed since the last call.
func (s *fleetStore) taken() traffic {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.now
	s.now = traffic{methods: map[string]int{}, objects: map[string]int{}, bytes: map[string]int64{}}
	return was
}
