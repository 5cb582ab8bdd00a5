// Package storage stands in for the client of Google's storage, to which MinIO can move objects
// that are seldom read. The tests do not need that, and the client and what it imports are a fifth
// of what is compiled for MinIO. It has what MinIO calls, and no client can be made.
package storage

import (
	"context"
	"errors"
	"io"

	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

const ScopeReadWrite = ""

var errMissing = errors.New("this MinIO was built without Google's storage")

type (
	Client         struct{}
	BucketHandle   struct{}
	ObjectHandle   struct{}
	ObjectIterator struct{}
	ObjectAttrs    struct{}
	Reader         struct{ io.ReadCloser }
	Writer         struct {
		io.WriteCloser
		ObjectAttrs
		StorageClass string
		Metadata     map[string]string
	}
	Query struct {
		Delimiter, Prefix string
		Versions          bool
	}
)

func NewClient(context.Context, ...option.ClientOption) (*Client, error) { return nil, errMissing }

func (*Client) Bucket(string) *BucketHandle                           { return nil }
func (*BucketHandle) Object(string) *ObjectHandle                     { return nil }
func (*BucketHandle) Objects(context.Context, *Query) *ObjectIterator { return nil }
func (*ObjectIterator) PageInfo() *iterator.PageInfo                  { return nil }
func (*ObjectHandle) NewWriter(context.Context) *Writer               { return nil }
func (o *ObjectHandle) ReadCompressed(bool) *ObjectHandle             { return o }
func (*ObjectHandle) Delete(context.Context) error                    { return errMissing }
func (*ObjectHandle) NewRangeReader(_ context.Context, _, _ int64) (*Reader, error) {
	return nil, errMissing
}
