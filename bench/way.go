package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// way is how a host reaches the servers.
type way struct {
	Store string // URL
	Mail  string // host:port
	CA    string // file with the certificate of both; "": they speak without TLS
}

// near is the way without anything between.
func (s *servers) near() way { return way{Store: s.minio.Endpoint, Mail: s.dovecot.Addr} }

// distance is how far away the servers are to be.
type distance struct {
	RoundTrip time.Duration
	Rate      rate
	TLS       bool
}

// far reports whether there is a distance at all.
func (d distance) far() bool { return d != distance{} }

// String describes it, as in a title.
func (d distance) String() string {
	if !d.far() {
		return "near"
	}
	text := []string{d.RoundTrip.String() + " away"}
	if d.Rate > 0 {
		text = append(text, d.Rate.String())
	}
	if d.TLS {
		text = append(text, "TLS 1.3")
	}
	return strings.Join(text, ", ")
}

// rate is in bits a second; 0 is not limited.
type rate int64

var rateUnits = []struct {
	name string
	bits int64
}{{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}}

// String implements flag.Value.
func (r rate) String() string {
	for _, u := range rateUnits {
		if int64(r) >= u.bits {
			return fmt.Sprintf("%g %s/s", float64(r)/float64(u.bits), u.name)
		}
	}
	return ""
}

// Set implements flag.Value. It reads "100Mbit".
func (r *rate) Set(s string) error {
	for _, u := range rateUnits {
		if digits, ok := strings.CutSuffix(s, u.name); ok {
			n, err := strconv.ParseFloat(digits, 64)
			if err != nil || !(n*float64(u.bits) >= 1) {
				return fmt.Errorf("%q is not a rate", s)
			}
			*r = rate(n * float64(u.bits))
			return nil
		}
	}
	return errors.New("a rate is a number of kbit, Mbit or Gbit a second, such as 100Mbit")
}
