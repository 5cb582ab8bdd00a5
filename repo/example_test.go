package repo_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/dir"
	mf "github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Example makes a repository in a directory, stores what it cuts from a text, and commits a
// manifest. Then it opens the repository again and reads the text back.
func Example() {
	ctx := context.Background()
	temporary, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temporary)

	store, err := dir.Create(filepath.Join(temporary, "repository"))
	if err != nil {
		log.Fatal(err)
	}
	r, err := repo.Init(ctx, store, repo.InitOptions{Passphrase: []byte("horse staple"), ScryptWork: 10})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	text := bytes.Repeat([]byte("Subject: hello\r\n\r\nHow are you?\r\n"), 10_000)
	ids, err := write(ctx, r, text)
	if err != nil {
		log.Fatal(err)
	}

	passphrase := func() ([]byte, error) { return []byte("horse staple"), nil }
	again, err := repo.Open(ctx, store, repo.Unlock{Passphrase: passphrase}, repo.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer again.Close()
	var read []byte
	reader := again.Reader(repo.ReaderOptions{})
	for _, id := range ids {
		data, err := reader.Chunk(ctx, id)
		if err != nil {
			log.Fatal(err)
		}
		read = append(read, data...)
	}
	fmt.Println(bytes.Equal(read, text))
	// Output: true
}

// write stores the chunks of a text and commits a manifest. What a manifest says is not the
// business of package repo.
func write(ctx context.Context, r *repo.Repo, text []byte) (ids []chunk.ID, err error) {
	run, err := r.Begin(ctx)
	if err != nil {
		return nil, err
	}
	w, err := run.Writer(ctx)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	err = r.Cutter().Cut(bytes.NewReader(text), func(data []byte) error {
		id, _, err := w.Put(ctx, repo.LaneText, data)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	m := mf.Manifest{Account: "me", Program: "example", Start: run.Start(), End: run.Start(), Deadline: run.Deadline(), State: mf.Complete}
	_, err = w.Commit(ctx, "me", m.EncodeAt)
	return ids, err
}
