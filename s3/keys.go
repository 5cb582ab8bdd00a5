package s3

import (
	"context"
	"sync/atomic"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// keys are the credentials of a Store while it is used. Credentials that have an end are read from
// their source again before it. All others are read again when the store refuses them: the keys in
// a file may be replaced during a run, and sessions may end in the middle of an upload. A file that
// cannot be read at this moment, or has no keys, is probably being written: then the keys that were
// read before stay.
type keys struct {
	signing *credentials.Credentials // with which requests are signed; it reads by the methods below
	source  *credentials.Credentials
	value   credentials.Value // guarded by the lock of signing

	number  atomic.Int64 // grows with each other value
	session atomic.Bool  // the value belongs to a session
	renewed atomic.Bool  // something else may renew the value in its source
}

func newKeys(source *credentials.Credentials) *keys {
	k := &keys{source: source}
	k.signing = credentials.New(k)
	return k
}

// Retrieve implements credentials.Provider.
func (k *keys) Retrieve() (credentials.Value, error) { return k.RetrieveWithCredContext(nil) }

// RetrieveWithCredContext implements credentials.Provider.
func (k *keys) RetrieveWithCredContext(with *credentials.CredContext) (credentials.Value, error) {
	if k.number.Load() > 0 {
		k.source.Expire()
	}
	v, err := k.source.GetWithContext(with)
	if err != nil || v.AccessKeyID == "" {
		if k.number.Load() > 0 {
			return k.value, nil
		}
		return v, err
	}
	// What is read again for each request, such as a file, says that it has ended at once.
	k.renewed.Store(k.source.IsExpired() || !v.Expiration.IsZero())
	k.session.Store(v.SessionToken != "")
	if v.AccessKeyID != k.value.AccessKeyID || v.SecretAccessKey != k.value.SecretAccessKey ||
		v.SessionToken != k.value.SessionToken {
		k.number.Add(1)
	}
	k.value = v
	return v, nil
}

// IsExpired implements credentials.Provider.
func (k *keys) IsExpired() bool { return !k.value.Expiration.IsZero() && k.source.IsExpired() }

// renew reads the credentials from their source again, and reports whether they are others than
// those of a number. A request before which none were read has the first ones.
func (k *keys) renew(ctx context.Context, client *minio.Core, number int64) bool {
	number = max(number, 1)
	if k.number.Load() == number {
		with := client.CredContext()
		with.Context = ctx
		k.signing.Expire()
		if _, err := k.signing.GetWithContext(with); err != nil {
			return false
		}
	}
	return k.number.Load() != number
}

// refusesKeys reports whether a store refuses credentials, so that others may help. A key that does
// not exist any more is refused by some stores as a missing right.
func refusesKeys(err error) bool {
	switch code(err) {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidTokenId", "XAdminUserNotFound", minio.AccessDenied:
		return !isFinal(err)
	}
	return expired(err)
}

// ended reports whether a store refuses credentials because their session has ended. MinIO does not
// know their key any more.
func (k *keys) ended(err error) bool {
	return expired(err) || k.session.Load() && code(err) == "InvalidAccessKeyId"
}

// expired reports whether a store says that a session has ended.
func expired(err error) bool {
	switch code(err) {
	case "ExpiredToken", "TokenRefreshRequired", "InvalidToken", "ExpiredTokenException":
		return true
	}
	return false
}
