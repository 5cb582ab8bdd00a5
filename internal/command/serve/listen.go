package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/serve/imapserver"
	"github.com/mailstrata/mailstrata/serve/page"
	"github.com/mailstrata/mailstrata/serve/view"
)

// servers are the servers of a serve command, with their listeners.
type servers struct {
	imap, web  net.Listener // nil: it is off
	imapServer *imapserver.Server
	page       *page.Server
	scheme     string
	secure     *tls.Config // nil: plain
	idleAfter  time.Duration
	idle       *time.Timer // stops the servers; nil: they do not stop
}

// off is the address of a server that is not wanted.
const off = "none"

// servers listens for the servers that are wanted. The caller closes them, also after an error.
func (c *Command) servers(
	ctx context.Context, p *cli.Program, archives view.Archives, password []byte, certificate *tls.Config,
) (s *servers, err error) {
	s = &servers{scheme: "http", secure: certificate, idleAfter: c.StopAfter}
	if c.StopAfter < 0 {
		return s, hint.Usagef("--stop-after must be a time such as 30m")
	}
	if certificate != nil {
		s.scheme = "https"
	}
	if c.IMAP == off && c.Web == off {
		return s, hint.Usagef("--imap none and --web none leave nothing to serve")
	}
	if c.Open && c.Web == off {
		return s, hint.Usagef("--open opens the page, which --web none switches off")
	}
	log := func(format string, args ...any) { p.Trace(fmt.Sprintf(format, args...)) }
	if c.IMAP != off {
		if s.imap, err = listen(ctx, "--imap", c.IMAP, certificate != nil); err != nil {
			return s, err
		}
		s.imapServer = imapserver.New(imapserver.Options{
			Views: archives, Password: password, TLS: certificate, Version: cli.Version(), Log: log,
			Used: s.used,
		})
	}
	if c.Web != off {
		if s.web, err = listen(ctx, "--web", c.Web, certificate != nil); err != nil {
			return s, err
		}
		s.page = page.New(page.Options{
			Archives: archives, Password: password, Host: s.isHost, Secure: certificate != nil, Log: log,
			Used: s.used,
		})
	}
	return s, nil
}

// used begins the time again after which the servers stop.
func (s *servers) used() {
	if s.idle != nil {
		s.idle.Reset(s.idleAfter)
	}
}

func (s *servers) close() {
	for _, l := range []net.Listener{s.imap, s.web} {
		if l != nil {
			l.Close()
		}
	}
}

// serve serves until ctx ends, or one of the servers fails.
func (s *servers) serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	if s.imap != nil {
		group.Go(func() error { return s.imapServer.Serve(ctx, s.imap) })
	}
	if s.web != nil {
		l := s.web
		if s.secure != nil {
			l = tls.NewListener(l, s.secure)
		}
		group.Go(func() error { return s.page.Serve(ctx, l) })
	}
	return group.Wait()
}

// imapAddress returns the address of the IMAP server, or an empty string.
func (s *servers) imapAddress() string {
	if s.imap == nil {
		return ""
	}
	return s.imap.Addr().String()
}

// link returns a URL that opens the page once, or an empty string.
func (s *servers) link() string {
	if s.web == nil {
		return ""
	}
	return s.scheme + "://" + s.hosts()[0] + s.page.Link()
}

// hosts returns the names of the page with its port: first those of the certificate.
func (s *servers) hosts() (all []string) {
	address, port, err := net.SplitHostPort(s.web.Addr().String())
	if err != nil {
		return []string{s.web.Addr().String()}
	}
	names := []string{address}
	if ip := net.ParseIP(address); ip != nil && ip.IsLoopback() {
		names = append(names, "localhost")
	}
	if s.secure != nil {
		if leaf := s.secure.Certificates[0].Leaf; leaf != nil {
			named := slices.DeleteFunc(slices.Clone(leaf.DNSNames), func(name string) bool { return strings.Contains(name, "*") })
			names = append(named, names...)
			for _, ip := range leaf.IPAddresses {
				names = append(names, ip.String())
			}
		}
	}
	for _, name := range names {
		all = append(all, net.JoinHostPort(name, port))
		if s.scheme == "http" && port == "80" || s.scheme == "https" && port == "443" {
			all = append(all, name)
		}
	}
	return all
}

// isHost reports whether a Host field names the page. Otherwise any name that leads to this host
// would do, and a page of that name could read all pages.
func (s *servers) isHost(host string) bool {
	hosts := s.hosts()
	if slices.Contains(hosts, host) || s.secure == nil {
		return slices.Contains(hosts, host)
	}
	name, port, err := net.SplitHostPort(host)
	_, ours, _ := net.SplitHostPort(s.web.Addr().String())
	return err == nil && port == ours && s.secure.Certificates[0].Leaf.VerifyHostname(name) == nil
}

// listen listens. Without TLS it refuses addresses that other hosts reach.
func listen(ctx context.Context, flag, at string, secure bool) (net.Listener, error) {
	if at != "" && strings.Trim(at, "0123456789") == "" {
		at = net.JoinHostPort("127.0.0.1", at)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", at)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &hint.Error{
			Text: fmt.Sprintf("another program, perhaps another mailstrata serve, listens at %s", ui.Safe(at)),
			Hint: flag + " 127.0.0.1:0 takes a free port", Err: err,
		}
	}
	if err != nil {
		return nil, err
	}
	if address, ok := listener.Addr().(*net.TCPAddr); !secure && !(ok && address.IP.IsLoopback()) {
		listener.Close()
		return nil, hint.Usagef("other hosts could connect to %s, and read the password on the way: give --tls-cert and --tls-key, or an address such as %s 127.0.0.1:%d",
			ui.Quote(at), flag, address.Port)
	}
	return listener, nil
}
