package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// largest is the size of the largest object of a repository (docs/format.md).
const largest = 33 << 20

// announcedTime is how long the answer to an announcement may take. A server that does not know
// Expect waits for the body.
const announcedTime = 3 * time.Second

// announcedKey is the key of contexts whose request announces its body and does not send it.
type announcedKey struct{}

// errAnnounced ends a request whose body was only announced.
var errAnnounced = errors.New("the body is not sent")

// ProbeSize returns an error if the store, or a proxy on the way, takes no object as large as a
// pack. It announces one with "Expect: 100-continue" (RFC 9110 section 10.1.1), and ends the
// request when the body is due: that takes a round trip, and not the time of an upload. A server
// with a limit refuses the length alone. Every other answer counts as success, because some servers
// do not know Expect.
func (s *Store) ProbeSize(ctx context.Context) error {
	name := "probe/" + strings.ToLower(rand.Text())
	key, err := s.key(name)
	if err != nil {
		return err
	}
	return s.retry(ctx, "put "+name, func(int) error {
		var options minio.PutObjectOptions
		options.SetMatchETagExcept("*")
		options.DisableContentSha256 = true
		sum := ""
		if s.exposed {
			sum = strings.Repeat("0", 64)
		}
		announced := context.WithValue(ctx, announcedKey{}, true)
		_, err := s.client().PutObject(announced, s.Bucket, key, unsent{}, largest, "", sum, options)
		if tooLarge(err) {
			return err
		}
		return nil
	})
}

// tooLarge reports whether a store or a proxy refuses an object because of its size.
func tooLarge(err error) bool {
	return status(err) == http.StatusRequestEntityTooLarge || code(err) == "EntityTooLarge"
}

// unsent is a body that is not sent.
type unsent struct{}

func (unsent) Read([]byte) (int, error) { return 0, errAnnounced }

// announce makes a request announce its body, if its context says so.
func announce(req *http.Request) {
	if req.Context().Value(announcedKey{}) != nil {
		req.Header = req.Header.Clone()
		req.Header.Set("Expect", "100-continue")
	}
}
