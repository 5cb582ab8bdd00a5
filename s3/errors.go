package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
)

// explain turns an error into a sentence for the user: what was being done, and where. It contains
// no secret and no address with a query.
func (s *Store) explain(doing string, err error) error {
	var last finalError
	if errors.As(err, &last) {
		err = last.error
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || ofStore(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if other := (*foreignError)(nil); errors.As(err, &other) {
		return fmt.Errorf("%s: %s: %w", doing, s.Endpoint, other)
	}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		return fmt.Errorf("%s: %s", doing, s.sentence(doing, answer))
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err // its text has the whole address
	}
	switch {
	case untrusted(err):
		return fmt.Errorf("%s: %s shows a certificate that this host does not trust: %w", doing, s.Endpoint, err)
	case asked != nil && !s.link.clock.seen():
		return fmt.Errorf("%s: cannot reach %s: %w", doing, s.Endpoint, plain(err))
	case asked != nil:
		return fmt.Errorf("%s: the connection to %s keeps failing: %w", doing, s.Endpoint, plain(err))
	case implausible(err):
		return fmt.Errorf("%s: %s answers otherwise than S3 storage: %w", doing, s.Endpoint, plain(err))
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// sentence returns what a store's refusal means, with the store's own words, because often only
// they say what to do.
func (s *Store) sentence(doing string, e minio.ErrorResponse) string {
	meaning := s.meaning(doing, e)
	if words := ownWords(e); words != "" {
		meaning += ". It answers: " + words
	}
	return meaning
}

// meaning returns what a refusal means, without the store's words.
func (s *Store) meaning(doing string, e minio.ErrorResponse) string {
	if noRoom(e) {
		return s.Endpoint + " has no room left, and kept nothing of this object"
	}
	if unreadable(e) {
		return s.Endpoint + " answers with headers that a store does not send"
	}
	switch e.Code {
	case "NoSuchBucket":
		return s.noBucket().Error()
	case "InvalidBucketName":
		return fmt.Sprintf("%q cannot be the name of a bucket at %s", s.Bucket, s.Endpoint)
	case "BucketAlreadyExists":
		return fmt.Sprintf("the name %s belongs to somebody else at %s: choose another bucket", s.Bucket, s.Endpoint)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidTokenId", "XAdminUserNotFound":
		meaning := fmt.Sprintf("%s does not accept the access key or its secret: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "+
			"and AWS_SESSION_TOKEN, the profile, or credentials_file in the configuration", s.Endpoint)
		if e.Code == "SignatureDoesNotMatch" && !s.link.accepted.Load() {
			meaning += "; a proxy before it must leave the header Host as it is"
		}
		return meaning
	case "ExpiredToken", "TokenRefreshRequired":
		return fmt.Sprintf("the session of these credentials has ended: get new ones for %s", s.Endpoint)
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		return fmt.Sprintf("%s refuses this with these credentials on bucket %s; it takes the right %s",
			s.Endpoint, s.Bucket, right(doing))
	case "RequestTimeTooSkewed":
		return fmt.Sprintf("the clock of this host differs too much from that of %s: set it", s.Endpoint)
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "InvalidRegion",
		"IllegalLocationConstraintException":
		return fmt.Sprintf("bucket %s is in another region than the one asked for: set AWS_REGION%s",
			s.Bucket, regionHint(e))
	case "EntityTooLarge":
		return fmt.Sprintf("%s takes no object of this size: it cannot hold a repository, whose objects have up to 33 MiB", s.Endpoint)
	case "SlowDown", "ServiceUnavailable", "TooManyRequests":
		return fmt.Sprintf("%s is overloaded, or limits how many requests it takes", s.Endpoint)
	case "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody":
		return fmt.Sprintf("what %s received is not what was sent", s.Endpoint)
	case "NotImplemented":
		return fmt.Sprintf("%s does not offer this: it cannot hold a repository", s.Endpoint)
	}
	if e.StatusCode == http.StatusRequestEntityTooLarge { // of a proxy
		return fmt.Sprintf("%s, or a proxy before it, takes no object of this size, and the objects of a repository have up to 33 MiB: "+
			"raise its limit (in nginx, client_max_body_size)", s.Endpoint)
	}
	if e.StatusCode >= http.StatusInternalServerError {
		return s.Endpoint + " has an error of its own"
	}
	return s.Endpoint + " refuses this"
}

// noRoom reports whether a store refuses because it is full. Some stores say so only in words, with
// the code of a missing right.
func noRoom(e minio.ErrorResponse) bool {
	switch e.Code {
	case "XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "InsufficientCapacity", "StorageFull":
		return true
	}
	return e.StatusCode == http.StatusInsufficientStorage || roomWords.MatchString(e.Message)
}

var roomWords = regexp.MustCompile(`(?i)\b(cap|quota|storage|capacity|space)\b.*\b(exceeded|reached|full)\b|\bexceed(s|ed|ing)?\b.*\b(cap|quota|storage)\b|no space left`)

// right names the permission that a request needs.
func right(doing string) string {
	for _, r := range []struct{ doing, right string }{
		{"put", "s3:PutObject"}, {"get", "s3:GetObject"}, {"list objects", "s3:ListBucket"}, {
			"list versions", "s3:ListBucketVersions",
		},
		{"delete", "s3:DeleteObject"}, {"look for the bucket", "s3:ListBucket, or s3:CreateBucket to make it"}, {"ask for the time", "s3:ListBucket"},
		{"retain", "s3:PutObjectRetention"}, {"ask for the lock", "s3:GetObject"},
	} {
		if strings.HasPrefix(doing, r.doing) {
			return r.right
		}
	}
	return "for it (backups need s3:PutObject, s3:GetObject and s3:ListBucket)"
}

// longestWords bounds the bytes of a store's words that are repeated.
const longestWords = 300

// ownWords returns the words, the code and the status of a refusal.
func ownWords(e minio.ErrorResponse) string {
	var words []string
	if text := strings.Join(strings.Fields(e.Message), " "); text != "" {
		words = append(words, quoted(text))
	}
	code := strings.TrimPrefix(e.Code, strconv.Itoa(e.StatusCode)+" ") // if the client library derives it from the status line
	if len(code) > longestWords {
		code = code[:longestWords]
	}
	switch {
	case code != "" && e.StatusCode != 0:
		words = append(words, fmt.Sprintf("(%d %s)", e.StatusCode, strings.Trim(strconv.Quote(code), `"`)))
	case code != "":
		words = append(words, fmt.Sprintf("(%s)", strings.Trim(strconv.Quote(code), `"`)))
	case e.StatusCode != 0:
		words = append(words, fmt.Sprintf("(status %d)", e.StatusCode))
	}
	return strings.Join(words, " ")
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

// code and status return what a store answered, or "" and 0 if err is no answer of a store.
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

// missing reports whether the object does not exist. A missing bucket has another code.
func missing(err error) bool { return code(err) == "NoSuchKey" }
