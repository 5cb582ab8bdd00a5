package s3

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// ParseURL parses the location of a repository as a user writes it:
// s3:https://host[:port]/bucket[/prefix]. Its errors do not repeat what it does not accept, because
// that may contain a secret.
func ParseURL(s string) (Options, error) {
	rest, ok := strings.CutPrefix(s, "s3:")
	if !ok {
		return Options{}, fmt.Errorf("a bucket is written s3:https://host/bucket or s3:https://host/bucket/prefix")
	}
	u, err := url.Parse(rest)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return Options{}, fmt.Errorf("a bucket is written s3:https://host/bucket or s3:https://host/bucket/prefix")
	case u.User != nil:
		return Options{}, fmt.Errorf("the address of a bucket cannot contain credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case u.RawQuery != "" || u.Fragment != "":
		return Options{}, fmt.Errorf("the address of a bucket has no '?' or '#'")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return Options{}, fmt.Errorf("s3:%s://%s names no bucket: write s3:%[1]s://%[2]s/bucket", u.Scheme, u.Host)
	}
	if err := checkBucket(bucket); err != nil {
		return Options{}, err
	}
	for segment := range strings.SplitSeq(prefix, "/") {
		if prefix != "" && (segment == "" || segment == "." || segment == "..") {
			return Options{}, fmt.Errorf("the prefix %q has an empty part, \".\" or \"..\"", prefix)
		}
	}
	return Options{Endpoint: u.Scheme + "://" + u.Host, Bucket: bucket, Prefix: prefix}, nil
}

// checkBucket refuses a name that no bucket has, not even an old one with capitals and underscores.
// The client library would refuse it too, but among requests, where it looks like an error that may
// pass.
func checkBucket(name string) error {
	if err := s3utils.CheckValidBucketName(name); err != nil {
		return fmt.Errorf("%q cannot be the name of a bucket: it has 3 to 63 letters, digits, '-' and '.'", name)
	}
	return nil
}
