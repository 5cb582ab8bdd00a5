package s3

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/mailstrata/mailstrata/internal/loopback"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Options says where a repository is, and how to reach it. Endpoint and Bucket are required.
type Options struct {
	Endpoint string // https://host[:port]
	Bucket   string
	Prefix   string // of the names of all objects, without '/' at either end; "" means the whole bucket
	Region   string // "" means AWS_REGION, or else the region that the store names

	// Insecure allows http to hosts other than this one. Mail is sealed before it is sent, but an
	// eavesdropper learns all names, and can replay or suppress requests.
	Insecure bool

	// Credentials to sign requests; nil means those that AWS's own tools find: AWS_ACCESS_KEY_ID,
	// the shared credentials file under AWS_PROFILE, or the role of this machine.
	Credentials *credentials.Credentials

	RootCAs *x509.CertPool  // nil means those of the system
	Waiting func(err error) // called while an error persists, from any goroutine; may be nil

	Patience time.Duration // how long to retry what may pass; default 5 minutes
	Stall    time.Duration // how long a connection may transfer nothing; default 2 minutes

	// Spares is how many connections are made beside the first one, for requests that a caller soon
	// makes at once; default 1. Those that are not used are closed after some seconds.
	Spares int

	pause        time.Duration // before the first retry; default 200 ms
	brief        time.Duration // how long to retry implausible answers; default briefPatience
	waitingAfter time.Duration // when to call Waiting first; default waitingAfter
}

// Store is a bucket, or the part of it under a prefix.
type Store struct {
	Options
	clients *clients
	keys    *keys
	prefix  string // "" or ends in '/'
	exposed bool   // a network can change what is sent: plain HTTP to another host
	near    bool   // it is on this host
	link    *transport

	unsized  atomic.Bool  // a whole object comes without its size: ask for a range of it
	noCRC    atomic.Bool  // the store does not know CRC-32C
	reported atomic.Int64 // when Waiting was last called, Unix nanoseconds
}

// Open prepares to use a bucket. It finds credentials, but sends nothing to the endpoint yet.
func Open(ctx context.Context, o Options) (*Store, error) {
	endpoint, err := url.Parse(o.Endpoint)
	if err != nil || endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" || endpoint.User != nil {
		return nil, fmt.Errorf("the endpoint of a bucket is written https://host or https://host:port")
	}
	plain := endpoint.Scheme == "http"
	switch {
	case !plain && endpoint.Scheme != "https":
		return nil, fmt.Errorf("%s: an endpoint begins with https:// or http://", o.Endpoint)
	case plain && !o.Insecure && !loopback.Is(endpoint.Hostname()):
		return nil, fmt.Errorf("%s is not encrypted: use https, or allow it by name", o.Endpoint)
	}
	if err := checkBucket(o.Bucket); err != nil {
		return nil, err
	}
	if o.Credentials == nil {
		if o.Credentials, err = fromEnvironment(ctx, endpoint.Host); err != nil {
			return nil, err
		}
	}
	o.Endpoint = endpoint.Scheme + "://" + endpoint.Host
	o = o.withDefaults()
	near := loopback.Is(endpoint.Hostname())
	s := &Store{Options: o, near: near, exposed: plain && !near}
	if s.prefix = strings.Trim(o.Prefix, "/"); s.prefix != "" {
		s.prefix += "/"
	}
	s.keys = newKeys(o.Credentials)
	s.link = newTransport(s.RootCAs, s.Stall, s.Spares)
	s.clients, err = newClients(endpoint, &minio.Options{
		Creds: s.keys.signing, Secure: !plain, Transport: s.link, MaxRetries: 1,
	}, o.Region)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Endpoint, err)
	}
	return s, nil
}

// client returns the client with which to make the next request.
func (s *Store) client() *minio.Core { return s.clients.current.Load().Core }

func (o Options) withDefaults() Options {
	o.Region = cmp.Or(o.Region, os.Getenv("AWS_REGION"))
	o.Patience = cmp.Or(o.Patience, 5*time.Minute)
	o.Stall = cmp.Or(o.Stall, 2*time.Minute)
	o.Spares = cmp.Or(o.Spares, 1)
	o.pause = cmp.Or(o.pause, 200*time.Millisecond)
	o.brief = cmp.Or(o.brief, briefPatience)
	o.waitingAfter = cmp.Or(o.waitingAfter, waitingAfter)
	return o
}

// String returns the location as a user writes it.
func (s *Store) String() string {
	return strings.TrimSuffix("s3:"+s.Endpoint+"/"+s.Bucket+"/"+s.prefix, "/")
}

// MakeBucket makes the bucket if it does not exist and these credentials may.
func (s *Store) MakeBucket(ctx context.Context) error {
	return s.makeBucket(ctx, minio.MakeBucketOptions{Region: s.Region})
}

func (s *Store) makeBucket(ctx context.Context, options minio.MakeBucketOptions) error {
	return s.retry(ctx, "look for the bucket", func(int) error {
		there, err := s.bucketExists(ctx)
		if there || status(err) == http.StatusForbidden { // it exists, and later requests will fail if they are refused too
			return nil
		}
		if err != nil {
			return err
		}
		if strict := s3utils.CheckValidBucketNameStrict(s.Bucket); strict != nil {
			return final(fmt.Errorf("there is no bucket %s, and a new one cannot have that name: %w", s.Bucket, strict))
		}
		err = s.client().MakeBucket(ctx, s.Bucket, options)
		if code(err) == minio.BucketAlreadyOwnedByYou {
			return nil // made by another at the same moment, or by a try whose answer was lost
		}
		return err
	})
}

// bucketExists asks by HEAD, whose answer has only a status. If HEAD is refused, it asks again by
// GET, whose answer has a text: it distinguishes a wrong clock from a missing right.
func (s *Store) bucketExists(ctx context.Context) (bool, error) {
	there, err := s.client().BucketExists(ctx, s.Bucket)
	if err == nil || status(err) == 0 {
		return there, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // one page of one object is enough
	object, some := <-s.client().Client.ListObjects(ctx, s.Bucket, minio.ListObjectsOptions{
		Prefix: s.prefix, MaxKeys: 1,
	})
	switch {
	case !some: // the bucket is empty, or ctx is done
		return ctx.Err() == nil, ctx.Err()
	case code(object.Err) == minio.NoSuchBucket:
		return false, nil
	}
	return object.Err == nil, object.Err
}

// Delete implements store.Store. On a bucket with versions it only hides the object.
func (s *Store) Delete(ctx context.Context, name string) error {
	return s.DeleteVersion(ctx, name, "")
}

// DeleteVersion implements store.Versioned.
func (s *Store) DeleteVersion(ctx context.Context, name, version string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	return s.retry(ctx, "delete "+name, func(int) error {
		err := s.client().RemoveObject(ctx, s.Bucket, key, minio.RemoveObjectOptions{VersionID: version})
		switch {
		case missing(err), code(err) == "NoSuchVersion":
			return nil
		case retained(err):
			return final(fmt.Errorf("%w: %s", store.ErrRetained, minio.ToErrorResponse(err).Message))
		}
		return err
	})
}

// retained reports whether a Delete was refused on purpose: because a right is missing, by Object
// Lock, or by a store that does not delete.
func retained(err error) bool {
	var e minio.ErrorResponse
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case minio.AccessDenied, minio.MethodNotAllowed, "ObjectLocked", "InvalidRetentionPeriod",
		"ObjectLockConfigurationNotAllowed":
		return true
	}
	return strings.Contains(e.Message, "WORM")
}

// Now implements store.Store.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	if now, ok := s.link.clock.now(); ok {
		return now, nil
	}
	err := s.retry(ctx, "ask for the time", func(int) error {
		there, err := s.bucketExists(ctx)
		if err == nil && !there {
			return s.noBucket()
		}
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	now, ok := s.link.clock.now()
	if !ok {
		return time.Time{}, fmt.Errorf("%s does not say in its responses what time it is: it cannot hold a repository", s.Endpoint)
	}
	return now, nil
}

func (s *Store) key(name string) (string, error) {
	if !store.ValidName(name) {
		return "", fmt.Errorf("%q is not a name for an object", name)
	}
	return s.prefix + name, nil
}
