package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A night without news stores one small object, with any number of mailboxes, even if the server
// keeps no mod-sequences, so that all flags are read. So it does without a cache. 570 mailboxes are
// in twelve tables, and no number of mailboxes up to 3,072 is in more.
func TestANightWithoutNewsIsSmall(t *testing.T) {
	t.Parallel()
	for _, mailboxes := range []int{3, 570} {
		h := newHost(t)
		repository := filepath.Join(h.home, "repository")
		h.set("MAILSTRATA_REPO", repository)
		h.seal()
		server, anna := demoAccount(t)
		for i := range mailboxes {
			name := fmt.Sprintf("Customers/Number %d", i)
			if err := anna.Create(name); err != nil {
				t.Fatal(err)
			}
			appendTo(t, anna, name, 1+i%3)
		}
		h.backUp(0, server.URL("anna"))
		h.backUp(0, server.URL("anna"))
		night := func(what string) {
			t.Helper()
			before := objectsIn(t, repository)
			h.backUp(0, server.URL("anna"))
			var size int64
			after := objectsIn(t, repository)
			fresh := slices.DeleteFunc(after, func(object string) bool { return slices.Contains(before, object) })
			for _, object := range fresh {
				info, err := os.Stat(object)
				if err != nil {
					t.Fatal(err)
				}
				size += info.Size()
			}
			if len(fresh) != 1 || !strings.Contains(fresh[0], "/manifests/") || size > 2560 {
				t.Errorf("%d mailboxes, %s: %d bytes in %v", mailboxes, what, size, fresh)
			}
		}
		night("without news")
		if err := os.RemoveAll(filepath.Join(h.home, ".cache")); err != nil {
			t.Fatal(err)
		}
		night("without a cache")
	}
}
