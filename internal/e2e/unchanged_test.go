package e2e_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A second run on an unchanged account downloads no message, stores no chunk, and writes one
// manifest.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	minio := testbed.MinIO(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	fill(t, dovecot, "anna", 3, 30, 1<<20)
	count := startProxy(t, dovecot.Addr, nil)

	h := newHost(t)
	name := minio.NewBucket()
	h.use(minio, name)
	h.seal()
	first := h.backUp(0, accountURL("anna", count.addr))
	if _, received, bodies := count.traffic("BODY.PEEK["); bodies == 0 || received < 5<<20 {
		t.Fatalf("the first run received %d bytes by %d FETCHes of bodies: the proxy is blind", received, bodies)
	}
	objects := openBucket(t, minio, name)
	before := objects.objects("")
	count.reset()

	second := h.backUp(0, accountURL("anna", count.addr))
	sent, received, bodies := count.traffic("BODY")
	if bodies > 0 {
		t.Errorf("the second run asks for bodies %d times", bodies)
	}
	if limit := int64(20_000); sent > limit || received > limit {
		t.Errorf("the second run sends %d bytes, and receives %d: more than a survey needs", sent, received)
	}
	if second.NewMessages != 0 || second.Messages != first.Messages || !second.Consistent || second.ID == first.ID {
		t.Errorf("after %+v the second manifest is %+v", first, second)
	}
	if names := added(before, objects.objects("")); len(names) != 1 || !strings.HasPrefix(names[0], "manifests/") {
		t.Errorf("the second run adds the objects %q, not one manifest", names)
	}
}
