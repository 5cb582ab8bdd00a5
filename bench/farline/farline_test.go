package farline

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const trip = 50 * time.Millisecond

// dialed is a listener in memory. Each connection is one that connect made.
type dialed chan net.Conn

func (d dialed) Accept() (net.Conn, error) {
	c, ok := <-d
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (d dialed) Close() error   { close(d); return nil }
func (d dialed) Addr() net.Addr { return &net.TCPAddr{} }

func (d dialed) connect() net.Conn {
	near, far := net.Pipe()
	d <- far
	return near
}

// A connection opens after one and a half round trips, what is sent arrives half a round trip
// later, each way.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until all goroutines have ended
		begin, l := time.Now(), make(dialed)
		far := (&Line{RoundTrip: trip}).Listen(l)
		defer far.Close()
		near := l.connect()
		server, err := far.Accept()
		if err != nil {
			t.Fatal(err)
		}
		at := func(what string, want time.Duration) {
			t.Helper()
			if got := time.Since(begin); got != want {
				t.Errorf("%s after %v, not %v", what, got, want)
			}
		}
		at("the server has the connection", trip*3/2)
		if got := server.(*Conn).Opened(); !got.Equal(begin) {
			t.Errorf("it was opened at %v", got.Sub(begin))
		}
		if _, err := server.Write([]byte("* OK")); err != nil {
			t.Fatal(err)
		}
		at("the server goes on", trip*3/2)
		buf := make([]byte, 100)
		for i := range time.Duration(3) {
			if _, err := near.Read(buf); err != nil {
				t.Fatal(err)
			}
			at("an answer comes", (2+i)*trip)
			go near.Write([]byte("a command"))
			if _, err := server.Read(buf); err != nil {
				t.Fatal(err)
			}
			server.Write([]byte("x OK"))
		}
		at("three commands have come", 4*trip+trip/2)
		near.Close()
		if _, err := server.Read(buf); err != io.EOF {
			t.Errorf("after the program closed, the server reads %v", err)
		}
		server.Close()
	})
}

// What a connection sends ahead does not wait for answers, and is complete when the server closes.
func TestUnlimitedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until all goroutines have ended
		begin, l := time.Now(), make(dialed)
		far := (&Line{RoundTrip: trip}).Listen(l)
		defer far.Close()
		near := l.connect()
		server, _ := far.Accept()
		sent := bytes.Repeat([]byte("0123456789"), 100_000)
		go func() {
			server.Write(sent)
			server.Close()
		}()
		got, err := io.ReadAll(near)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes of %d came: %v", len(got), len(sent), err)
		}
		if took := time.Since(begin); took != 2*trip+trip/2 && took != 2*trip {
			t.Errorf("a megabyte took %v", took)
		}
	})
}

// All connections of a line share its rate.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until all goroutines have ended
		l := make(dialed)
		far := (&Line{RoundTrip: trip, Rate: 8_000_000}).Listen(l) // a megabyte a second
		defer far.Close()
		begin := time.Now()
		var all sync.WaitGroup
		for range 4 {
			near := l.connect()
			server, _ := far.Accept()
			begin = time.Now()
			all.Go(func() {
				server.Write(make([]byte, 500_000))
				server.Close()
			})
			all.Go(func() { io.Copy(io.Discard, near) })
		}
		all.Wait()
		if took := time.Since(begin); took < 1700*time.Millisecond || took > 2200*time.Millisecond {
			t.Errorf("two megabytes took %v", took)
		}
	})
}

// A read ends at its deadline, and a deadline in the past ends it at once.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until all goroutines have ended
		l := make(dialed)
		far := (&Line{RoundTrip: trip}).Listen(l)
		defer far.Close()
		near := l.connect()
		defer near.Close()
		server, _ := far.Accept()
		defer server.Close()
		for range 2 {
			server.SetReadDeadline(time.Now().Add(time.Second))
			begin := time.Now()
			if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
				t.Errorf("the deadline passed after %v: %v", time.Since(begin), err)
			}
			server.SetReadDeadline(time.Unix(1, 0))
			if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("in the past, the deadline gives %v", err)
			}
		}
		server.SetDeadline(time.Time{})
		go near.Write([]byte("x"))
		if n, err := server.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("without deadline, %d bytes come: %v", n, err)
		}
	})
}

// Over sockets, a program that ends its half still gets the answer, after no fewer round trips than
// it needs.
func TestHalfClose(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	far := (&Line{RoundTrip: 20 * time.Millisecond}).Listen(l)
	defer far.Close()
	go func() {
		server, err := far.Accept()
		if err != nil {
			return
		}
		asked, _ := io.ReadAll(server)
		server.Write(bytes.ToUpper(asked))
		server.(*Conn).CloseWrite()
	}()
	begin := time.Now()
	near, err := net.Dial("tcp", far.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	near.Write([]byte("question"))
	near.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(near); string(got) != "QUESTION" || err != nil {
		t.Errorf("the answer is %q: %v", got, err)
	}
	if took := time.Since(begin); took < 40*time.Millisecond {
		t.Errorf("a handshake and an answer take %v, less than two round trips", took)
	}
}
