package page_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
)

// A text that refers to many images takes no more time than any of its size: the attachments are
// listed once.
func TestManyReferencesToImages(t *testing.T) {
	const references = 100_000
	var text, images strings.Builder
	for i := range references {
		fmt.Fprintf(&text, "<img src=cid:%d>", i)
	}
	for i := range 1000 {
		fmt.Fprintf(&images, "--b\r\nContent-Type: image/gif\r\nContent-ID: <%d>\r\n\r\nGIF89a %d\r\n", 2*i, i)
	}
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" + text.String() + "\r\n" + images.String() + "--b--\r\n")
	b := open(t, archived(t, a, func() {}))
	began := time.Now()
	shown := b.get(address("frame", "a", account, "m", "INBOX", "u", "1"))
	if n := strings.Count(shown, `src="data:image/gif;`); n != 1000 {
		t.Errorf("%d images are shown", n)
	}
	if took := time.Since(began); took > 30*time.Second { // many minutes, if each reference lists them
		t.Errorf("it takes %v", took)
	}
}
