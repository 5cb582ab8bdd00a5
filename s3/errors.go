package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/minio/minio-go/v7"
)

// explain turns an error into a sentence for whoever can do something about it. It says what was being done, and
// where; never a secret, and no address with a query.
func (s *Store) explain(doing string, err error) error {
	var last finalError
	if errors.As(err, &last) {
		err = last.error
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, repo.ErrExist, repo.ErrNotExist, repo.ErrPermission, repo.ErrRange, repo.ErrRetained} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		return fmt.Errorf("%s: %s", doing, s.sentence(answer))
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err // its own text has the whole address
	}
	switch {
	case untrusted(err):
		return fmt.Errorf("%s: %s shows a certificate that this host does not trust: %w", doing, s.Endpoint, err)
	case asked != nil && !s.link.clock.seen():
		return fmt.Errorf("%s: cannot reach %s: check the address and the network: %w", doing, s.Endpoint, err)
	case asked != nil:
		return fmt.Errorf("%s: the connection to %s keeps failing: %w", doing, s.Endpoint, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// sentence says what a store's refusal means.
func (s *Store) sentence(e minio.ErrorResponse) string {
	switch e.Code {
	case "NoSuchBucket":
		return s.noBucket().Error()
	case "InvalidBucketName":
		return fmt.Sprintf("%q cannot be the name of a bucket at %s", s.Bucket, s.Endpoint)
	case "BucketAlreadyExists":
		return fmt.Sprintf("the name %s belongs to somebody else at %s: choose another bucket", s.Bucket, s.Endpoint)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "XAdminUserNotFound":
		return fmt.Sprintf("%s does not accept the access key or its secret (%s): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "+
			"and AWS_SESSION_TOKEN, or the profile", s.Endpoint, e.Code)
	case "ExpiredToken", "TokenRefreshRequired":
		return fmt.Sprintf("the session of these credentials has ended: get new ones for %s", s.Endpoint)
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		return fmt.Sprintf("%s denies this to these credentials on bucket %s: they need to put, get and list there", s.Endpoint, s.Bucket)
	case "RequestTimeTooSkewed":
		return fmt.Sprintf("the clock of this host differs too much from that of %s: set it", s.Endpoint)
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "InvalidRegion", "IllegalLocationConstraintException":
		return fmt.Sprintf("bucket %s is in another region than the one asked for: set AWS_REGION%s", s.Bucket, regionHint(e))
	case "XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded":
		return fmt.Sprintf("%s has no room left: nothing was kept of this object", s.Endpoint)
	}
	if e.StatusCode == http.StatusInsufficientStorage {
		return fmt.Sprintf("%s has no room left: nothing was kept of this object", s.Endpoint)
	}
	return fmt.Sprintf("%s answers %s: %s", s.Endpoint, e.Code, e.Message)
}

func (s *Store) noBucket() error {
	return final(fmt.Errorf("there is no bucket %s at %s: check its name, or make it", s.Bucket, s.Endpoint))
}

func regionHint(e minio.ErrorResponse) string {
	if e.Region == "" {
		return ""
	}
	return " to " + e.Region
}

// code and status tell what a store answered; "" and 0 where it did not.
func code(err error) string {
	var e minio.ErrorResponse
	errors.As(err, &e)
	return e.Code
}

func status(err error) int {
	var e minio.ErrorResponse
	errors.As(err, &e)
	return e.StatusCode
}

// missing says whether there is no such object. A missing bucket is another matter.
func missing(err error) bool { return code(err) == "NoSuchKey" }
