// Package elasticsearch stands in for the client of Elasticsearch, to which MinIO can report what
// happens to objects. The tests do not need that, and the client takes longer to compile than the
// rest of what MinIO imports for such reports. It has what MinIO calls, and no client can be made.
package elasticsearch

import (
	"context"
	"errors"
	"io"
	"net/http"
)

type Config struct {
	Addresses          []string
	Username, Password string
	Transport          http.RoundTripper
	MaxRetries         int
}

type Client struct {
	Info, Ping     request
	Exists, Delete documentRequest
	Index          indexRequest
	Indices        struct {
		ResolveIndex func(names []string, o ...option) (*Response, error)
		Create       func(name string, o ...option) (*Response, error)
	}
}

type Response struct{ Body io.ReadCloser }

func (*Response) IsError() bool  { return true }
func (*Response) String() string { return "" }

type (
	option          struct{}
	request         func(...option) (*Response, error)
	documentRequest func(index, id string, o ...option) (*Response, error)
	indexRequest    func(index string, body io.Reader, o ...option) (*Response, error)
)

func (request) WithContext(context.Context) option         { return option{} }
func (documentRequest) WithContext(context.Context) option { return option{} }
func (indexRequest) WithContext(context.Context) option    { return option{} }
func (indexRequest) WithDocumentID(string) option          { return option{} }

func NewClient(Config) (*Client, error) {
	return nil, errors.New("this MinIO was built without Elasticsearch")
}
