package s3_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mailstrata/mailstrata/s3"
)

// fake is an object store of one bucket that misbehaves on demand. It is as small as S3 can be: no
// signatures.
type fake struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	objects map[string][]byte
	made    map[string]time.Time
	etag    func(data []byte) string
	store   func(data []byte) []byte // what becomes of the bytes of a PUT
	careful bool                     // honors If-None-Match
	crc     int                      // ignoresCRC, refusesCRC or knowsCRC
	page    int                      // objects a page
	reverse bool                     // lists backwards
	rewind  bool                     // ignores start-after
	faults  []fault                  // for the next requests, one each
	always  fault                    // for all requests without one
	seen    []string                 // methods and paths
	closing chan struct{}
	pipes   *pipes // nil: it listens on the network
}

// fault answers a request in place of next, the correct store, or lets next answer and damages the
// answer.
type fault func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc)

func newFake(t *testing.T) *fake {
	f := makeFake(t)
	f.Server = httptest.NewServer(f)
	f.closeAtEnd()
	return f
}

// newFakeInBubble is newFake without a network, for tests in a bubble: there, time passes only
// while everybody waits.
func newFakeInBubble(t *testing.T) *fake {
	f := makeFake(t)
	f.pipes = &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	f.Server = &httptest.Server{Listener: f.pipes, Config: &http.Server{Handler: f}}
	f.Server.Start()
	f.closeAtEnd()
	return f
}

func (f *fake) closeAtEnd() {
	f.t.Cleanup(f.Server.Close)
	f.t.Cleanup(func() { close(f.closing) })
}

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// dial connects to it.
func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func makeFake(t *testing.T) *fake {
	f := &fake{t: t, objects: map[string][]byte{}, made: map[string]time.Time{}, careful: true, page: 1000, closing: make(chan struct{})}
	f.etag = func(data []byte) string { sum := md5.Sum(data); return hex.EncodeToString(sum[:]) }
	f.store = func(data []byte) []byte { return data }
	return f
}

// open opens the fake as a Store.
func (f *fake) open(change ...func(*s3.Options)) *s3.Store {
	f.t.Helper()
	o := s3.Options{
		Endpoint: f.URL, Bucket: "bucket", Region: "us-east-1", Patience: time.Minute,
		Credentials: credentials.NewStaticV4("key", "secret", ""),
	}
	for _, c := range change {
		c(&o)
	}
	s := open(f.t, o)
	if f.pipes != nil {
		f.t.Cleanup(s.DialWith(f.pipes.dial))
	}
	return s
}

// next sets the faults of the next requests, in order; nil means no fault.
func (f *fake) next(faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults, f.seen = faults, nil
}

// set sets the fault of all requests for which next sets none.
func (f *fake) set(always fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.always = always
}

// requests returns the methods of the requests since next.
func (f *fake) requests() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.seen, " ")
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen = append(f.seen, r.Method)
	now := f.always
	if len(f.faults) > 0 {
		now, f.faults = f.faults[0], f.faults[1:]
	}
	f.mu.Unlock()
	if now != nil {
		now(w, r, f.serve)
		return
	}
	f.serve(w, r)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/bucket"), "/")
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case key == "" && r.Method == http.MethodGet:
		f.list(w, r)
	case key == "":
	case r.Method == http.MethodPut:
		f.put(w, r, key, body)
	case r.Method == http.MethodDelete:
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		data, ok := f.objects[key]
		if !ok {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", `"`+f.etag(data)+`"`)
		http.ServeContent(w, r, "", time.Now(), bytes.NewReader(data))
	}
}

func (f *fake) put(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	sum := md5.Sum(body)
	crc := r.Header.Get("X-Amz-Checksum-Crc32c")
	if crc != "" && f.crc == refusesCRC {
		refuse(w, http.StatusNotImplemented, "NotImplemented")
		return
	}
	if has := r.Header.Get("Content-Md5"); has != base64.StdEncoding.EncodeToString(sum[:]) && (has != "" || crc == "") {
		refuse(w, http.StatusBadRequest, "BadDigest")
		return
	}
	if _, taken := f.objects[key]; taken && f.careful && r.Header.Get("If-None-Match") == "*" {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	f.objects[key], f.made[key] = f.store(body), time.Now()
	w.Header().Set("ETag", `"`+f.etag(f.objects[key])+`"`)
	if crc != "" && f.crc == knowsCRC {
		w.Header().Set("X-Amz-Checksum-Crc32c", crc)
	}
}

// What a store does with a CRC in the place of an MD5.
const (
	ignoresCRC = iota
	refusesCRC
	knowsCRC
)

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	type line struct {
		Key          string
		Size         int
		LastModified time.Time
	}
	var result struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []line
	}
	q := r.URL.Query()
	after := max(q.Get("start-after"), q.Get("continuation-token"))
	if f.rewind {
		after = q.Get("continuation-token")
	}
	page := f.page
	if most, err := strconv.Atoi(q.Get("max-keys")); err == nil && most > 0 {
		page = min(page, most)
	}
	keys := slices.Sorted(maps.Keys(f.objects))
	if f.reverse {
		slices.Reverse(keys)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= after {
			continue
		}
		if len(result.Contents) == page {
			result.IsTruncated, result.NextContinuationToken = true, result.Contents[page-1].Key
			break
		}
		result.Contents = append(result.Contents, line{key, len(f.objects[key]), f.made[key]})
	}
	_ = xml.NewEncoder(w).Encode(result)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>so it is</Message></Error>", code)
}

// answering refuses a request without doing anything.
func answering(status int, code string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, status, code)
	}
}

// hangUp closes the connection without doing anything.
func hangUp(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }

// lose does what was asked, and closes the connection without an answer.
func lose(_ http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	next(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// cut sends the first n bytes of a body, and closes the connection.
func cut(n int) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		begin(w, r, next, n)
		panic(http.ErrAbortHandler)
	}
}

// stall sends the first n bytes of a body, and nothing more until the client goes away.
func (f *fake) stall(n int) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		begin(w, r, next, n)
		f.wait(r)
		panic(http.ErrAbortHandler)
	}
}

// deaf reads nothing of a request until the client goes away.
func (f *fake) deaf(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	f.wait(r)
	panic(http.ErrAbortHandler)
}

func (f *fake) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-f.closing: // a server does not notice that a client has gone whose request it has not read
	}
}

func begin(w http.ResponseWriter, r *http.Request, next http.HandlerFunc, n int) {
	whole := httptest.NewRecorder()
	next(whole, r)
	maps.Copy(w.Header(), whole.Header())
	w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:n])
	_ = http.NewResponseController(w).Flush()
}
