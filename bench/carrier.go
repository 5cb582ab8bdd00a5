package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	quiet "log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/mailstrata/mailstrata/bench/exchange"
	"github.com/mailstrata/mailstrata/bench/farline"
)

// carry is the first argument of a call that stands between the programs and their servers. It is a
// process of its own, because the kernel counts the memory of this one for those that it starts.
const carry = "carry"

// carriage is what the call is to do, as JSON in its second argument.
type carriage struct {
	Servers   way // where they are. CA has what they are to present, with its key
	RoundTrip time.Duration
	Rate      rate
}

// carryAll listens, prints the way as JSON, and for each line that it reads prints what was
// exchanged since the last. It ends when its input ends.
func carryAll(text string, in io.Reader, out io.Writer) error {
	var c carriage
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	log, line := exchange.NewLog(c.RoundTrip), &farline.Line{RoundTrip: c.RoundTrip, Rate: int64(c.Rate)}
	store, err := log.Store(c.Servers.Store)
	if err != nil {
		return err
	}
	at, scheme, config := way{CA: c.Servers.CA}, "http", (*tls.Config)(nil)
	if at.CA != "" {
		identity, err := tls.LoadX509KeyPair(at.CA, at.CA)
		if err != nil {
			return err
		}
		scheme, config = "https", &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{identity}}
	}
	var listeners []net.Listener
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		listeners = append(listeners, log.Listen(line, l, config))
	}
	host := func(l net.Listener) string { // mbsync does not look for an address in a certificate
		if config == nil {
			return l.Addr().String()
		}
		return fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
	}
	at.Store, at.Mail = scheme+"://"+host(listeners[0]), host(listeners[1])
	server := &http.Server{Handler: store, ErrorLog: quiet.New(io.Discard, "", 0)}
	go func() { exit(server.Serve(listeners[0])) }()
	go func() { exit(log.Mail(listeners[1], c.Servers.Mail)) }()
	encoder := json.NewEncoder(out)
	if err := encoder.Encode(at); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if err := encoder.Encode(log.Take()); err != nil {
			return err
		}
	}
	return nil
}

// carrier is a running call of carryAll.
type carrier struct {
	way
	RoundTrip time.Duration
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *json.Decoder
}

// newCarrier puts the servers at a distance. pem has the certificate and its key, for TLS.
func newCarrier(ctx context.Context, s *servers, d distance, pem string) (*carrier, error) {
	c := carriage{Servers: s.near(), RoundTrip: d.RoundTrip, Rate: d.Rate}
	if d.TLS {
		c.Servers.CA = pem
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	k := &carrier{RoundTrip: d.RoundTrip, cmd: exec.CommandContext(ctx, self, carry, string(text))}
	k.cmd.Stderr = os.Stderr
	if k.in, err = k.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	k.out = json.NewDecoder(out)
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	if err := k.out.Decode(&k.way); err != nil {
		k.close()
		return nil, fmt.Errorf("start the proxies: %w", err)
	}
	return k, nil
}

// take returns what was exchanged since the last call.
func (k *carrier) take() (sum exchange.Summary, err error) {
	time.Sleep(k.RoundTrip) // what is on its way arrives
	if _, err = k.in.Write([]byte("\n")); err == nil {
		err = k.out.Decode(&sum)
	}
	return sum, err
}

func (k *carrier) close() {
	_ = k.in.Close()
	_ = k.cmd.Wait()
}
