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

// Security is the encryption of a connection.
type Security uint8

const (
	TLS      Security = iota // from the first byte: imaps://
	StartTLS                 // STARTTLS before anything else: imap://
	Plain                    // none; only on the loopback, or with Options.Insecure
)

// Options are the account to connect to, and how. Only Host and User have to be set.
type Options struct {
	Host     string
	Port     int // 0: 993 with TLS, 143 otherwise
	Security Security
	Insecure bool           // allow Plain beyond the loopback
	OldTLS   bool           // accept TLS 1.0 and 1.1, and ciphers without forward secrecy
	RootCAs  *x509.CertPool // nil: those of the system

	User      string
	Password  string
	Token     func(context.Context) (string, error) // returns an OAuth access token, in place of Password
	Mechanism string                                // PLAIN, LOGIN, OAUTHBEARER, XOAUTH2; "": the best that is offered

	Connections int           // at most this many at once; 0: 4
	Labels      bool          // imapsource: read Gmail's labels as mailboxes
	Namespaces  []string      // other namespaces to read: "other", "shared", or prefixes
	Virtual     bool          // imapsource: read virtual mailboxes too
	Compress    bool          // use COMPRESS=DEFLATE if offered: faster below about 100 Mbit/s, slower above
	Stall       time.Duration // give up a connection that moves no byte for this long; 0: 2 minutes
	Trace       io.Writer     // receives the protocol without secrets and bodies; may be nil
	Logins      *Logins       // shared by the accounts of a run; nil: each login is tried
	Version     string        // of this program, sent to the server by ID
	Journal     string        // imaprestore: a directory for the journals of appended messages; "": none are kept

	// Waiting is called before imaprestore waits because the server asked for it; may be nil.
	// imapsource leaves waiting to its caller.
	Waiting func(asked time.Duration, cause error)

	// Silent is called while a wait for the server goes on, in which no connection has moved a byte
	// for this long: after 30 s, and each time that this has doubled. The connection ends when
	// limit is reached. It is called from any goroutine; may be nil.
	Silent func(silence, limit time.Duration)

	// Dial makes a connection to host:port; nil: over TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// portTLS is the port for TLS from the first byte (RFC 8314).
const portTLS = 993

// Address returns host:port.
func (o *Options) Address() string {
	usual := 143
	if o.Security == TLS {
		usual = portTLS
	}
	return net.JoinHostPort(o.Host, strconv.Itoa(cmp.Or(o.Port, usual)))
}

// String returns the account as user@host.
func (o *Options) String() string { return o.User + "@" + o.Host }

// dial makes a network connection.
func (o *Options) dial(ctx context.Context) (net.Conn, error) {
	if o.Dial != nil {
		return o.Dial(ctx, o.Address())
	}
	dialer := net.Dialer{Timeout: min(o.stall(), 30*time.Second)}
	return dialer.DialContext(ctx, "tcp", o.Address())
}

func (o *Options) stall() time.Duration { return cmp.Or(o.Stall, 2*time.Minute) }

// uselessTimeout is how long a server may send only data that answers no command, such as "* OK
// Still here". A large mailbox whose index is lost takes some minutes to open.
func (o *Options) uselessTimeout() time.Duration { return 15 * o.stall() }
