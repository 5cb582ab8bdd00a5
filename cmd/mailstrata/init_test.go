package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/cli"
)

// init and doctor report errors of a store soon. A nightly run retries longer.
func TestInitGivesUpSoon(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			return // the bucket is there
		}
		w.WriteHeader(http.StatusInternalServerError)
		w.Write([]byte("<Error><Code>InternalError</Code><Message>the disk is on fire</Message></Error>"))
	}))
	defer store.Close()
	home := t.TempDir()
	variables := map[string]string{"HOME": home, "AWS_ACCESS_KEY_ID": "key"}
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "us-east-1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	p := cli.Process{Patience: 300 * time.Millisecond, Stdout: &stdout, Stderr: &stderr, Getenv: func(name string) string { return variables[name] }}
	key := filepath.Join(home, "key")
	status := run(ctx, p, []string{"init", "--repo", "s3:" + store.URL + "/bucket", "--new-key-file", key, "--key-role", "owner"})
	if status != cli.StatusFailed || ctx.Err() != nil || !strings.Contains(stderr.String(), "the disk is on fire") {
		t.Errorf("init ends with %d: %s", status, &stderr)
	}
}
