package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
)

// Pinger reports the beginning and the end of a run to a monitor, in the form of healthchecks.io: a
// POST to /start is the beginning, /N the exit status, /fail a failure, and the URL itself is
// success. The monitor shows the body.
type Pinger struct {
	url    *url.URL
	client *http.Client
}

// A monitor must not delay a backup: attempts are short and few.
const (
	pingPatience = 5 * time.Second
	pingAttempts = 3
	pingPause    = time.Second
)

// NewPinger parses the URL of a monitor. Its error does not repeat the URL. A nil transport is the
// default.
func NewPinger(address string, transport http.RoundTripper) (*Pinger, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the URL to ping is not https://host/…")
	}
	u.Fragment = ""
	return &Pinger{url: u, client: &http.Client{Transport: transport, Timeout: pingPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Start reports that a run begins. It tries once, because the end matters more.
func (p *Pinger) Start(ctx context.Context) error {
	_, err := p.post(ctx, "start", "")
	return p.explain(err)
}

// End reports how the run ended.
func (p *Pinger) End(ctx context.Context, status int, body string) error {
	suffix := ""
	if status != 0 {
		suffix = strconv.Itoa(status)
	}
	code, err := p.retry(ctx, suffix, body)
	if code == http.StatusNotFound && suffix != "" {
		_, err = p.retry(ctx, "fail", body) // the monitor does not know exit statuses
	}
	return p.explain(err)
}

// retry retries after temporary errors.
func (p *Pinger) retry(ctx context.Context, suffix, body string) (code int, err error) {
	for attempt := 1; ; attempt++ {
		code, err = p.post(ctx, suffix, body)
		passing := code == 0 || code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
		if err == nil || !passing || attempt == pingAttempts {
			return code, err
		}
		if retry.Sleep(ctx, pingPause) != nil {
			return code, err
		}
	}
}

func (p *Pinger) post(ctx context.Context, suffix, body string) (code int, err error) {
	at := *p.url
	if suffix != "" {
		at = *p.url.JoinPath(suffix)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), strings.NewReader(body))
	if err != nil {
		return 0, errors.New("the URL cannot be reached")
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	r.Header.Set("User-Agent", "mailstrata")
	resp, err := p.client.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.StatusCode, fmt.Errorf("it answers %d (%s)", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return resp.StatusCode, nil
}

// explain removes the path of the URL from an error, because anybody who knows it can ping the
// monitor.
func (p *Pinger) explain(err error) error {
	if err == nil {
		return nil
	}
	var lost *url.Error
	if errors.As(err, &lost) {
		err = lost.Err
	}
	return fmt.Errorf("ping %s: %w", p.url.Host, err)
}
