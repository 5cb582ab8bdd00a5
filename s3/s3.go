// Package s3 keeps a repository in a bucket of S3-compatible object storage, as a store.Store.
//
// # Never replacing
//
// An object is made by one PUT with "If-None-Match: *", which a store that keeps the promise answers with 412 where the
// name is taken. By multipart upload some stores ignore that condition, and checksums in trailers some corrupt over
// plain HTTP, so neither is used: one PUT, its Content-MD5 given, and the ETag that comes back compared.
// ProbeCreateOnly tells, before a repository is made, whether a store honours the condition at all.
//
// A PUT whose answer was lost may have been done. So before it is sent again, and whenever the answer is 412,
// what is there under the name is compared with what was to be put: the same bytes are success, others are ErrExist.
//
// # Trouble
//
// What may pass (network errors, 5xx, 429, SlowDown, bodies that end early, connections that carry nothing for long)
// is tried again with growing pauses until Options.Patience ends; a body is resumed where it broke off.
// The retries of the client library are turned off, since they know nothing of lost answers.
// Until the endpoint has answered once, patience is short: it may be a typing error.
//
// # Versions and retention
//
// A bucket with Object Lock keeps every version. What was put is there until its retention ends, whatever was put over it and
// whatever hides it; Versions lists it, GetVersion reads it. MakeLockedBucket sets a default retention, where it may: then objects are
// put as ever, by credentials that may do nothing else.
//
// # Time
//
// The store's clock is the Date of its responses, carried on by this host's monotonic clock for less than a minute.
package s3

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// Options says where a repository is, and how to reach it. Endpoint and Bucket are needed.
type Options struct {
	Endpoint string // https://host[:port]
	Bucket   string
	Prefix   string // of the names of all objects, without '/' at either end; "" means the whole bucket
	Region   string // "" means AWS_REGION, or else what the store says

	// Insecure allows http to hosts other than this one. Mail is sealed before it is sent, but who listens
	// learns all names, and can replay or suppress requests.
	Insecure bool

	// Credentials to sign requests; nil means FromEnvironment.
	Credentials *credentials.Credentials

	RootCAs *x509.CertPool  // nil means those of the system
	Waiting func(err error) // called when trouble goes on, from any goroutine; may be nil

	Patience time.Duration // how long to retry what may pass; default 5 minutes
	Stall    time.Duration // how long a connection may carry nothing; default 2 minutes

	pause        time.Duration // before the first retry; default 200 ms
	brief        time.Duration // how long to retry answers that make no sense; default briefPatience
	waitingAfter time.Duration // when Waiting hears of trouble first; default waitingAfter
}

// Store is a bucket, or the part of it under a prefix.
type Store struct {
	Options
	client *minio.Core
	prefix string // "" or ends in '/'
	plain  bool   // http
	link   *transport

	reported atomic.Int64 // when Waiting was called last, Unix nanoseconds
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
	case plain && !o.Insecure && !loopback(endpoint.Hostname()):
		return nil, fmt.Errorf("%s is not encrypted: use https, or allow it by name", o.Endpoint)
	}
	if err := checkBucket(o.Bucket); err != nil {
		return nil, err
	}
	if o.Credentials == nil {
		if o.Credentials, err = FromEnvironment(ctx, endpoint.Host); err != nil {
			return nil, err
		}
	}
	if o.Region == "" {
		o.Region = os.Getenv("AWS_REGION")
	}
	o.Endpoint = endpoint.Scheme + "://" + endpoint.Host
	s := &Store{Options: o.withDefaults(), plain: plain}
	if s.prefix = strings.Trim(o.Prefix, "/"); s.prefix != "" {
		s.prefix += "/"
	}
	s.link = &transport{base: newHTTP(s.RootCAs), stall: s.Stall}
	s.client, err = minio.NewCore(endpoint.Host, &minio.Options{
		Creds: o.Credentials, Secure: !plain, Region: o.Region, Transport: s.link, MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Endpoint, err)
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Patience == 0 {
		o.Patience = 5 * time.Minute
	}
	if o.Stall == 0 {
		o.Stall = 2 * time.Minute
	}
	if o.pause == 0 {
		o.pause = 200 * time.Millisecond
	}
	o.brief = cmp.Or(o.brief, briefPatience)
	o.waitingAfter = cmp.Or(o.waitingAfter, waitingAfter)
	return o
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String names the place for people.
func (s *Store) String() string {
	return strings.TrimSuffix("s3:"+s.Endpoint+"/"+s.Bucket+"/"+s.prefix, "/")
}

// MakeBucket makes the bucket where there is none, and these credentials may.
func (s *Store) MakeBucket(ctx context.Context) error {
	return s.makeBucket(ctx, minio.MakeBucketOptions{Region: s.Region})
}

func (s *Store) makeBucket(ctx context.Context, options minio.MakeBucketOptions) error {
	return s.retry(ctx, "look for the bucket", func(int) error {
		there, err := s.bucketExists(ctx)
		if there || status(err) == http.StatusForbidden { // there, and not to be looked at: what follows will tell
			return nil
		}
		if err != nil {
			return err
		}
		if strict := s3utils.CheckValidBucketNameStrict(s.Bucket); strict != nil {
			return final(fmt.Errorf("there is no bucket %s, and a new one cannot have that name: %w", s.Bucket, strict))
		}
		err = s.client.MakeBucket(ctx, s.Bucket, options)
		if code(err) == minio.BucketAlreadyOwnedByYou {
			return nil // made by another at the same moment, or by a try whose answer was lost
		}
		return err
	})
}

// bucketExists asks by HEAD, whose answer has a status alone. A refusal is asked for again by GET: it has words, which
// tell a wrong clock from a missing right.
func (s *Store) bucketExists(ctx context.Context) (bool, error) {
	there, err := s.client.BucketExists(ctx, s.Bucket)
	if err == nil || status(err) == 0 {
		return there, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // one page of one object is enough
	object, some := <-s.client.Client.ListObjects(ctx, s.Bucket, minio.ListObjectsOptions{Prefix: s.prefix, MaxKeys: 1})
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
		err := s.client.RemoveObject(ctx, s.Bucket, key, minio.RemoveObjectOptions{VersionID: version})
		switch {
		case missing(err), code(err) == "NoSuchVersion":
			return nil
		case retained(err):
			return final(fmt.Errorf("%w: %s", store.ErrRetained, minio.ToErrorResponse(err).Message))
		}
		return err
	})
}

// retained says whether a Delete was refused on purpose: by lack of a right, by Object Lock, or by a store that
// has no such thing.
func retained(err error) bool {
	var e minio.ErrorResponse
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case minio.AccessDenied, minio.MethodNotAllowed, "ObjectLocked", "InvalidRetentionPeriod", "ObjectLockConfigurationNotAllowed":
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
