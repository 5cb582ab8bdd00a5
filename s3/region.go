package s3

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"
	"golang.org/x/sync/semaphore"
)

// guessedRegion signs requests as long as no region is known. Most stores that are not of AWS have
// this one, or accept any. The others refuse the first request and name theirs. Asking for the
// region first would cost every command a round trip.
const guessedRegion = "us-east-1"

// client signs requests for a region.
type client struct {
	*minio.Core
	region  string
	guessed bool
}

// clients has the client of a Store, which changes when the store names another region.
type clients struct {
	make    func(region string) (*minio.Core, error)
	current atomic.Pointer[client]
	change  *semaphore.Weighted // held while the region is asked for
}

// newClients returns clients for a region; "" means that in the name of the endpoint, or else the
// one that the store names.
func newClients(endpoint *url.URL, o *minio.Options, region string) (*clients, error) {
	c := &clients{change: semaphore.NewWeighted(1)}
	c.make = func(region string) (*minio.Core, error) {
		with := *o
		with.Region = region
		return minio.NewCore(endpoint.Host, &with)
	}
	region = cmp.Or(region, s3utils.GetRegionFromURL(*endpoint))
	return c, c.use(cmp.Or(region, guessedRegion), region == "")
}

func (c *clients) use(region string, guessed bool) error {
	core, err := c.make(region)
	if err == nil {
		c.current.Store(&client{core, region, guessed})
	}
	return err
}

// refused reports whether a refusal of used, which was the current client, is because of a guessed
// region, so that the request may succeed now. Some stores name theirs in the refusal. The others
// are asked, once.
func (c *clients) refused(ctx context.Context, used *client, bucket string, err error) bool {
	var e minio.ErrorResponse
	if !used.guessed || !errors.As(err, &e) {
		return false
	}
	switch e.StatusCode {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusMovedPermanently, http.StatusTemporaryRedirect:
	default:
		return false
	}
	if c.change.Acquire(ctx, 1) != nil {
		return false
	}
	defer c.change.Release(1)
	if now := c.current.Load(); now != used {
		return now.region != used.region // another request has learned it
	}
	region := e.Region
	if region == "" || region == used.region {
		// A client without a region asks for it before its first request, and understands all kinds
		// of answers.
		asking, failed := c.make("")
		if failed == nil {
			region, failed = asking.GetBucketLocation(ctx, bucket)
		}
		if failed != nil {
			return false
		}
	}
	return c.use(region, false) == nil && region != used.region
}
