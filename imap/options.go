package imap

import (
	"cmp"
	"context"
	"crypto/x509"
	"io"
	"net"
	"strconv"
	"time"
)

// Security is how a connection is kept from being read by others.
type Security uint8

const (
	TLS      Security = iota // from the first byte: imaps://
	StartTLS                 // STARTTLS before anything else, or no connection: imap://
	Plain                    // nothing; off the loopback only with Options.Insecure
)

// Options say which account to connect to, and how. The zero value of each field but Host and User will do.
type Options struct {
	Host     string
	Port     int // 0: 993 with TLS, 143 otherwise
	Security Security
	Insecure bool           // Plain may leave this host
	OldTLS   bool           // accept TLS 1.0 and 1.1, and ciphers without forward secrecy
	RootCAs  *x509.CertPool // nil: those of the system

	User      string
	Password  string
	Token     func(context.Context) (string, error) // an OAuth access token, where there is no password
	Mechanism string                                // PLAIN, LOGIN, OAUTHBEARER, XOAUTH2; "" takes the best that is offered

	Connections int           // at most this many at once; 0: 4
	Labels      bool          // Source: Gmail's labels are read as the mailboxes they seem to be, see gmail.go
	Namespaces  []string      // other namespaces to read: "other", "shared", or prefixes
	Virtual     bool          // Source: read virtual mailboxes too, see virtual.go
	Compress    bool          // COMPRESS=DEFLATE where offered: good below about 100 Mbit/s, bad above
	Stall       time.Duration // give up a connection that moves no byte for so long; 0: 2 minutes
	Trace       io.Writer     // gets the protocol, secrets and bodies left out; nil: nobody does
	Logins      *Logins       // shared by the accounts of a run; nil: each login is tried
	Version     string        // of this program, told to the server by ID
	Journal     string        // Target: a folder for journals of what was appended, see journal.go; "": none is kept

	// Waiting is called before a Target waits because the server asked to be left alone; may be nil. A Source leaves
	// waiting to its caller.
	Waiting func(asked time.Duration, cause error)

	quirks *quirks // shared by the connections of a pool

	// Dial makes a connection to host:port; nil: over TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// portTLS is where TLS is spoken from the first byte (RFC 8314).
const portTLS = 993

// Address is host:port.
func (o *Options) Address() string {
	port := o.Port
	if port == 0 {
		port = 143
		if o.Security == TLS {
			port = portTLS
		}
	}
	return net.JoinHostPort(o.Host, strconv.Itoa(port))
}

// String names the account for people: user@host.
func (o *Options) String() string { return o.User + "@" + o.Host }

// dial makes a connection.
func (o *Options) dial(ctx context.Context) (net.Conn, error) {
	if o.Dial != nil {
		return o.Dial(ctx, o.Address())
	}
	dialer := net.Dialer{Timeout: min(o.stall(), 30*time.Second)}
	return dialer.DialContext(ctx, "tcp", o.Address())
}

func (o *Options) connections() int     { return max(1, cmp.Or(o.Connections, 4)) }
func (o *Options) stall() time.Duration { return cmp.Or(o.Stall, 2*time.Minute) }

// uselessTimeout is how long a server may send only data that answers no command, such as "* OK Still here". A large mailbox whose
// index is lost takes some minutes to open.
func (o *Options) uselessTimeout() time.Duration { return 15 * o.stall() }
