package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/s3"
)

// pruneTwice is the first argument of a call that copies a bucket, pruned twice, a day apart. The
// clock of a server cannot be moved, so the prunes run on a copy in memory, whose clock can. It is
// a process of its own: this one must stay small.
const pruneTwice = "prune-twice"

// prune copies the archive into another bucket, pruned, and returns its name.
func (y *nights) prune(ctx context.Context, mail *set) (bucket string, err error) {
	fmt.Fprintln(os.Stderr, "two prunes")
	bucket = y.ours.bucket + "-pruned"
	self, err := os.Executable()
	if err == nil {
		err = y.client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{})
	}
	if err == nil {
		_, err = y.ours.measure(ctx, nil, self, pruneTwice, y.minio.Endpoint, y.ours.bucket, bucket, y.ours.path("key"))
	}
	if err != nil {
		return "", err
	}
	return bucket, y.add(ctx, grown{when: "after two prunes", who: mailstrata, mail: mail.bytes}, bucket)
}

// pruneCopy is that call.
func pruneCopy(ctx context.Context, endpoint, from, to, keyFile string) error {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	key, err := keys.ParseFile(bytes.NewReader(text))
	if err != nil {
		return err
	}
	source, err := s3.Open(ctx, s3.Options{Endpoint: endpoint, Bucket: from})
	if err != nil {
		return err
	}
	target, err := s3.Open(ctx, s3.Options{Endpoint: endpoint, Bucket: to})
	if err != nil {
		return err
	}
	return copyPruned(ctx, target, source, repo.Unlock{Identities: key.Identities, Fingerprint: key.Fingerprint})
}

// copyPruned copies all that is left of a repository after two prunes. In the copy, they were
// tomorrow and the day after.
func copyPruned(ctx context.Context, to, from store.Store, key repo.Unlock) error {
	memory := &storetest.Memory{}
	if err := copyObjects(ctx, memory, from); err != nil {
		return err
	}
	for range 2 {
		memory.Advance(25 * time.Hour)
		r, err := repo.Open(ctx, memory, key, repo.Options{})
		if err != nil {
			return err
		}
		_, err = archive.Prune(ctx, r, repo.PruneOptions{MaxUnused: 0.05}) // as the command does
		r.Close()
		if err != nil {
			return err
		}
	}
	return copyObjects(ctx, to, memory)
}

// copyObjects copies all objects of a store.
func copyObjects(ctx context.Context, to, from store.Store) error {
	for object, err := range from.List(ctx, "") {
		if err != nil {
			return err
		}
		body, _, err := from.Get(ctx, object.Name, 0, object.Size)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(body)
		body.Close()
		if err != nil {
			return err
		}
		if err := to.Put(ctx, object.Name, bytes.NewReader(data), int64(len(data))); err != nil {
			return fmt.Errorf("copy %s: %w", object.Name, err)
		}
	}
	return nil
}
