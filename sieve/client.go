package sieve

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/silence"
)

// Options say where the scripts are and how to log in.
type Options struct {
	Host           string // host or host:port; the default port is 4190
	User           string
	Password       func(context.Context) (string, error)
	TLS            *tls.Config // nil: the system's certificates
	AllowPlaintext bool        // go on without encryption if the server does not offer STARTTLS

	Timeout time.Duration                      // for each command; 0: a minute
	Silent  func(silence, limit time.Duration) // like imap.Options.Silent; may be nil
}

// ParseURL returns the Options of sieve://user@host:port (RFC 5804 section 3).
func ParseURL(text string) (Options, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Options{}, errors.New("it is no URL")
	case u.Scheme != "sieve":
		return Options{}, errors.New("it does not begin with sieve://")
	case u.Host == "" || u.Hostname() == "":
		return Options{}, errors.New("it names no host")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return Options{}, errors.New("it has more than a user and a host")
	}
	if _, has := u.User.Password(); has {
		return Options{}, errors.New("it contains a password, which does not belong there")
	}
	return Options{Host: u.Host, User: u.User.Username()}, nil
}

// URL returns the URL of the account.
func (o Options) URL() string {
	u := url.URL{Scheme: "sieve", Host: o.Host}
	if o.User != "" {
		u.User = url.User(o.User)
	}
	return u.String()
}

// defaultPort is the port of ManageSieve (RFC 5804 section 1.8).
const defaultPort = "4190"

// Client is a connection to a server. One goroutine uses it.
type Client struct {
	options Options
	conn    net.Conn
	r       *bufio.Reader
	silence *silence.Watch    // nil: nobody hears of it
	greeted map[string]string // capabilities, names in upper case

	scripts map[string]script // that were read by Open
}

// New returns a Client. It connects when it is used.
func New(o Options) *Client {
	c := &Client{options: o}
	c.silence = silence.New(c.timeout(), o.Silent)
	return c
}

// Close ends the connection.
func (c *Client) Close() error {
	if c.conn == nil {
		return nil
	}
	_ = c.conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = c.conn.Write([]byte("LOGOUT\r\n"))
	err := c.conn.Close()
	c.conn = nil
	return err
}

// connect connects, encrypts the connection, and logs in.
func (c *Client) connect(ctx context.Context) (err error) {
	if c.conn != nil {
		return nil
	}
	host, port, err := net.SplitHostPort(c.options.Host)
	if err != nil {
		host, port = strings.Trim(c.options.Host, "[]"), defaultPort
	}
	dialing, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	if c.conn, err = new(net.Dialer).DialContext(dialing, "tcp", net.JoinHostPort(host, port)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = c.conn.Close()
			c.conn = nil
		}
	}()
	c.r = bufio.NewReader(c.conn)
	if err = c.greeting(ctx); err != nil {
		return err
	}
	if err = c.encrypt(ctx, host); err != nil {
		return err
	}
	return c.login(ctx)
}

func (c *Client) timeout() time.Duration { return cmp.Or(c.options.Timeout, time.Minute) }

// greeting reads the capabilities that the server sends first, and after STARTTLS (RFC 5804 section
// 1.7).
func (c *Client) greeting(ctx context.Context) error {
	found, err := c.exchange(ctx, "")
	if err != nil {
		return err
	}
	c.greeted = make(map[string]string)
	for _, line := range found.lines {
		if len(line) == 0 || line[0].atom {
			return fmt.Errorf("%w: a capability that is no string", ErrProtocol)
		}
		value := ""
		if len(line) > 1 {
			value = line[1].text
		}
		c.greeted[strings.ToUpper(line[0].text)] = value
	}
	if _, ok := c.greeted["IMPLEMENTATION"]; !ok {
		return fmt.Errorf("%w: the greeting does not name the server", ErrProtocol)
	}
	return nil
}

// ErrPlaintext reports a server that does not encrypt.
var ErrPlaintext = errors.New("the server does not offer STARTTLS, and the password would be sent in the clear")

func (c *Client) encrypt(ctx context.Context, host string) error {
	if _, offers := c.greeted["STARTTLS"]; !offers {
		if c.options.AllowPlaintext {
			return nil
		}
		return ErrPlaintext
	}
	if _, err := c.exchange(ctx, "STARTTLS\r\n"); err != nil {
		return err
	}
	if c.r.Buffered() > 0 { // what came before the handshake is not the server's
		return fmt.Errorf("%w: text after the answer to STARTTLS", ErrProtocol)
	}
	config := c.options.TLS.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	config.ServerName = cmp.Or(config.ServerName, host)
	encrypted := tls.Client(c.conn, config)
	handshake, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	if err := encrypted.HandshakeContext(handshake); err != nil {
		return err
	}
	c.conn, c.r = encrypted, bufio.NewReader(encrypted)
	return c.greeting(ctx)
}

// login logs in with SASL PLAIN (RFC 4616).
func (c *Client) login(ctx context.Context) error {
	if !strings.Contains(" "+strings.ToUpper(c.greeted["SASL"])+" ", " PLAIN ") {
		return fmt.Errorf("the server does not offer to log in with a password (SASL PLAIN), but %q", c.greeted["SASL"])
	}
	password, err := c.options.Password(ctx)
	if err != nil {
		return err
	}
	if strings.Contains(c.options.User+password, "\x00") {
		return errors.New("the user name or the password contains a NUL")
	}
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + c.options.User + "\x00" + password))
	_, err = c.exchange(ctx, fmt.Sprintf("AUTHENTICATE \"PLAIN\" {%d+}\r\n%s\r\n", len(plain), plain))
	if err != nil {
		return fmt.Errorf("log in as %q: %w", c.options.User, err)
	}
	return nil
}

// exchange sends a command, if there is one, and reads the response. After an error other than a NO
// the connection is of no use.
func (c *Client) exchange(ctx context.Context, command string) (*response, error) {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout())); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c.silence.Begin()
	defer c.silence.End()
	found, err := c.send(command)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return found, err
}

func (c *Client) send(command string) (*response, error) {
	if command != "" {
		if _, err := c.conn.Write([]byte(command)); err != nil {
			return nil, err
		}
	}
	return readResponse(c.r)
}

var _ collection.Target = (*Client)(nil)
