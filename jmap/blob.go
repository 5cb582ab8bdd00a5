package jmap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/mailstrata/mailstrata/mail"
)

// Download opens a blob of a known size. Read returns an error at the end if it has another size.
// The error of Download is ErrNotFound if the server has no such blob.
func (c *Client) Download(ctx context.Context, blob string, size int64) (io.ReadCloser, error) {
	s, err := c.Session(ctx)
	if err != nil {
		return nil, err
	}
	text, err := expand(s.download, map[string]string{
		"accountId": s.Account, "blobId": blob, "name": "message.eml", "type": "message/rfc822",
	})
	if err != nil {
		return nil, refused("the downloadUrl of the session: %v", err)
	}
	if err := enter(ctx, c.requests); err != nil {
		return nil, err
	}
	response, err := c.requestBlob(ctx, text)
	if err != nil {
		leave(c.requests)
		return nil, err
	}
	return &blobBody{body: response.Body, left: size, size: size, end: func() { leave(c.requests) }}, nil
}

// requestBlob requests a blob. It follows redirects within an origin: a blob may be anywhere, and
// the secret may not.
func (c *Client) requestBlob(ctx context.Context, text string) (*http.Response, error) {
	at, err := url.Parse(text)
	if err != nil {
		return nil, refused("the downloadUrl of the session: %v", err)
	}
	response, err := c.follow(ctx, at, "", sameOrigin)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, statusError(response)
	}
	return response, nil
}

// sameOrigin returns an error if a redirect leads to another origin.
func sameOrigin(from, to *url.URL) error {
	if from.Scheme != to.Scheme || from.Host != to.Host {
		return refused("%s redirects to %s, which gets no password", place(from), place(to))
	}
	return nil
}

// blobBody is the text of a blob that must have a size.
type blobBody struct {
	body io.ReadCloser
	left int64
	size int64
	end  func()
}

func (b *blobBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, refused("the server gives more than the %d bytes that it says the message has", b.size)
	}
	switch {
	case errors.Is(err, io.EOF) && b.left > 0:
		return n, refused("the server gives %d of the %d bytes that it says the message has", b.size-b.left, b.size)
	case err != nil && !errors.Is(err, io.EOF):
		return n, lost("download a message", err)
	}
	return n, err
}

func (b *blobBody) Close() error {
	if b.end != nil {
		b.end()
		b.end = nil
	}
	return b.body.Close()
}

// Upload uploads a message of a known size, which write writes, and returns the id of its blob.
func (c *Client) Upload(ctx context.Context, size int64, write func(io.Writer) error) (blob string, err error) {
	s, err := c.Session(ctx)
	if err != nil {
		return "", err
	}
	at, err := expand(s.upload, map[string]string{"accountId": s.Account})
	if err != nil {
		return "", refused("the uploadUrl of the session: %v", err)
	}
	if err := enter(ctx, c.uploads); err != nil {
		return "", err
	}
	defer leave(c.uploads)
	text, in := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(in)
		in.CloseWithError(err)
		written <- err
	}()
	defer func() {
		text.CloseWithError(errUploaded) // so that write ends, if the server answered before the end
		if own := <-written; own != nil && !errors.Is(own, errUploaded) {
			err = own // the message cannot be read
		}
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at, text)
	if err != nil {
		return "", err
	}
	request.ContentLength = size
	request.Header.Set("Content-Type", "message/rfc822")
	response, err := c.send(request)
	if err != nil {
		return "", err
	}
	answer, err := readJSON(response, maxProblem)
	if err != nil {
		return "", err
	}
	return parseUpload(answer, size)
}

// errUploaded ends the writing of an upload that the server has answered.
var errUploaded = errors.New("the upload has ended")

// parseUpload parses the answer to an upload (RFC 8620 section 6.1).
func parseUpload(answer []byte, size int64) (string, error) {
	var stored struct {
		BlobID string `json:"blobId"`
		Size   int64  `json:"size"`
	}
	if err := json.Unmarshal(answer, &stored); err != nil || stored.BlobID == "" {
		return "", refused("an upload was answered without a blobId")
	}
	if stored.Size != size {
		return "", fmt.Errorf("%w: the server stored %d of the %d bytes of a message",
			mail.ErrTemporary, stored.Size, size)
	}
	return stored.BlobID, nil
}
