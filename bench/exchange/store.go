package exchange

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Store returns a proxy to an object store, which records each request.
func (l *Log) Store(endpoint string) (http.Handler, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := l.asked(true)
		answer := &counted{ResponseWriter: w}
		proxy.ServeHTTP(answer, r)
		l.answered(e)
		l.carried(method(r), max(r.ContentLength, 0), answer.n)
	}), nil
}

// methodList stands for a GET that lists objects.
const methodList = "LIST"

func method(r *http.Request) string {
	if r.Method == http.MethodGet && r.URL.Query().Has("list-type") {
		return methodList
	}
	return r.Method
}

// counted counts the bytes of a body.
type counted struct {
	http.ResponseWriter
	n int64
}

// Write implements io.Writer.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}

// Unwrap is what http.ResponseController looks for.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
