package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mailstrata/mailstrata/repo/store"
)

var errNoLock = errors.New("the bucket has no Object Lock, which a bucket gets when it is made: make another, or leave out --lock")

// MakeLockedBucket makes the bucket with Object Lock if it does not exist. It reports as byDefault
// whether the bucket retains every object for at least as many days by default, in that mode or a
// stricter one. If the repository has the bucket for itself, MakeLockedBucket sets that default if
// these credentials may.
func (s *Store) MakeLockedBucket(ctx context.Context, compliance bool, days int) (byDefault bool, err error) {
	if err := s.makeBucket(ctx, minio.MakeBucketOptions{Region: s.Region, ObjectLocking: true}); err != nil {
		return false, err
	}
	err = s.retry(ctx, "look at the bucket's Object Lock", func(int) (err error) {
		byDefault, err = s.retainsByDefault(ctx, compliance, days)
		return err
	})
	if err != nil || byDefault || s.prefix != "" {
		return byDefault, err
	}
	err = s.retry(ctx, "set the bucket's default retention", func(int) error {
		mode, validity, unit := mode(compliance), uint(days), minio.Days
		return s.client().SetObjectLockConfig(ctx, s.Bucket, &mode, &validity, &unit)
	})
	return err == nil, ctx.Err() // without a default, each object is put with its retention
}

// RetainsByDefault implements store.Retainer.
func (s *Store) RetainsByDefault(ctx context.Context, compliance bool, days int) (does bool, err error) {
	err = s.retry(ctx, "look at the bucket's Object Lock", func(int) (err error) {
		does, err = s.retainsByDefault(ctx, compliance, days)
		if code(err) == minio.AccessDenied {
			err = final(fmt.Errorf("%w: %s does not let these credentials see a bucket's default retention",
				store.ErrPermission, s.Endpoint))
		}
		return err
	})
	if errors.Is(err, errNoLock) {
		return false, nil
	}
	return does, err
}

func (s *Store) retainsByDefault(ctx context.Context, compliance bool, days int) (bool, error) {
	enabled, mode, validity, unit, err := s.client().GetObjectLockConfig(ctx, s.Bucket)
	switch {
	case code(err) == "ObjectLockConfigurationNotFoundError" || status(err) == http.StatusNotFound:
		return false, final(errNoLock)
	case err != nil:
		return false, err
	case enabled != "Enabled":
		return false, final(errNoLock)
	case mode == nil || validity == nil || unit == nil:
		return false, nil
	}
	kept := int(*validity)
	if *unit == minio.Years {
		kept *= 365
	}
	return kept >= days && (*mode == minio.Compliance || !compliance), nil
}

func mode(compliance bool) minio.RetentionMode {
	if compliance {
		return minio.Compliance
	}
	return minio.Governance
}

// Retain implements store.Retainer. If the store refuses, the retention may be longer already.
func (s *Store) Retain(ctx context.Context, name, version string, keep store.Retention) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	mode, until := mode(keep.Compliance), keep.Until.UTC()
	return s.retry(ctx, "retain "+name, func(int) error {
		err := s.client().PutObjectRetention(ctx, s.Bucket, key, minio.PutObjectRetentionOptions{
			Mode: &mode, RetainUntilDate: &until, VersionID: version,
		})
		switch {
		case missing(err), code(err) == "NoSuchVersion":
			return store.ErrNotExist
		case err == nil || !retained(err):
			return err
		}
		if lasts, failed := s.retainedUntil(ctx, objectVersion{key, version}); failed == nil &&
			!lasts.Before(until.Truncate(time.Second)) {
			return nil
		}
		return final(fmt.Errorf("%w: %s does not let these credentials lengthen the lock of an object (s3:PutObjectRetention): %s",
			store.ErrPermission, s.Endpoint, minio.ToErrorResponse(err).Message))
	})
}

// RetainedUntil implements store.Retainer.
func (s *Store) RetainedUntil(ctx context.Context, name, version string) (until time.Time, err error) {
	key, err := s.key(name)
	if err != nil {
		return until, err
	}
	err = s.retry(ctx, "ask for the lock of "+name, func(int) error {
		until, err = s.retainedUntil(ctx, objectVersion{key, version})
		return err
	})
	return until, err
}

// retainedUntil reads the headers of a version, because answers to GetObjectRetention differ
// between stores.
func (s *Store) retainedUntil(ctx context.Context, of objectVersion) (time.Time, error) {
	info, err := s.stat(ctx, of)
	if missing(err) {
		return time.Time{}, store.ErrNotExist
	}
	if err != nil {
		return time.Time{}, err
	}
	until, err := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	if err != nil {
		return time.Time{}, nil // not retained, or not reported
	}
	return until, nil
}
