package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// The manifest that was written last is the latest, however fast they follow each other, although
// stores report the time to a second.
func TestNewestFirst(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) testbed.S3{"minio": testbed.MinIO, "versitygw": testbed.Versitygw} {
		t.Run(name, func(t *testing.T) {
			store := start(t)
			dovecot := startDovecot(t, testbed.DovecotOptions{})
			h := newHost(t)
			h.use(store, store.NewBucket())
			h.seal()
			var made []string
			for range 8 {
				made = append(made, h.backUp(0, accountURL("anna", dovecot.Addr)).ID)
			}
			slices.Reverse(made)
			var listed []string
			for line := range strings.Lines(h.must(0, "list", "--json").stdout) {
				var m written
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Fatal(err)
				}
				listed = append(listed, m.ID)
			}
			if !slices.Equal(listed, made) {
				t.Errorf("the manifests are listed as\n%.8q, and were made as\n%.8q", listed, made)
			}
		})
	}
}
