package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/bench/exchange"
)

// The proxies carry both protocols, by TLS 1.3 with the certificate that they name, and report what
// passed.
func TestCarry(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "object") }))
	t.Cleanup(store.Close)
	mail, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mail.Close() })
	go func() {
		for {
			c, err := mail.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "* OK\r\n")
		}
	}()
	pem := filepath.Join(t.TempDir(), "identity.pem")
	if err := writeIdentity(pem); err != nil {
		t.Fatal(err)
	}
	for _, ca := range []string{"", pem} {
		text, _ := json.Marshal(carriage{Servers: way{store.URL, mail.Addr().String(), ca}, RoundTrip: 20 * time.Millisecond})
		lines, asked := io.Pipe()
		answered, out := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- carryAll(string(text), lines, out) }()
		answers := json.NewDecoder(answered)
		var at way
		if err := answers.Decode(&at); err != nil {
			t.Fatal(err)
		}
		if got := get(t, at); got != "object" {
			t.Errorf("the store says %q", got)
		}
		if got := greeting(t, at); got != "* OK" {
			t.Errorf("the mail server says %q", got)
		}
		fmt.Fprintln(asked)
		var sum exchange.Summary
		if err := answers.Decode(&sum); err != nil {
			t.Fatal(err)
		}
		trips := 4 // twice TCP, a request and a greeting
		if ca != "" {
			trips = 6
		}
		if want := (exchange.Summary{Requests: 1, Get: 1, Chain: 1, Trips: trips, Read: 6}); sum != want {
			t.Errorf("with %q, %+v passed, not %+v", ca, sum, want)
		}
		asked.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// trusted is how a program trusts the certificate of a way.
func trusted(t *testing.T, at way) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(at.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS13}
}

func get(t *testing.T, at way) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	if at.CA != "" {
		transport.TLSClientConfig = trusted(t, at)
	}
	resp, err := (&http.Client{Transport: transport}).Get(at.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func greeting(t *testing.T, at way) string {
	t.Helper()
	var c net.Conn
	c, err := net.Dial("tcp", at.Mail)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if at.CA != "" {
		c = tls.Client(c, trusted(t, at))
	}
	line := bufio.NewScanner(c)
	line.Scan()
	return line.Text()
}

// Rates are read with their unit and printed with a distance; others are refused.
func TestRate(t *testing.T) {
	for text, want := range map[string]rate{"100Mbit": 100e6, "1.5Gbit": 15e8, "64kbit": 64e3, "100": 0, "0Mbit": 0, "-1Mbit": 0, "NaNMbit": 0, "Mbit": 0} {
		var got rate
		if err := got.Set(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d: %v", text, got, err)
		}
	}
	if got := (distance{50 * time.Millisecond, 100e6, true}).String(); got != "50ms away, 100 Mbit/s, TLS 1.3" {
		t.Errorf("a distance is %q", got)
	}
}
