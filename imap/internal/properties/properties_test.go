package properties

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/manifest"
)

// FuzzAnswers checks that whatever a server sends can be recorded.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		"* ACL INBOX jo lr -x w\r\n", "* MYRIGHTS \"a b\" lr\r\n* ACL \"a b\" () x y\r\n",
		"* METADATA \"\" (/shared/x ~{2}\r\n\x00\xff /a NIL b c)\r\n* METADATA INBOX (/a \"1\" /a \"2\")\r\n",
		"* METADATA INBOX (/a {99999}\r\n", "* ACL inbox NIL NIL a a\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		answers := New([]string{"INBOX", "a b"}, strings.ToUpper)
		r := wire.NewReader(bytes.NewReader(sent))
		for {
			resp, err := r.Next()
			if err != nil {
				break
			}
			if _, err := answers.Add(resp); err != nil {
				t.Fatal(err)
			}
		}
		var page []manifest.Properties
		for _, p := range answers.List() {
			page = append(page, manifest.Properties{Properties: p})
		}
		if len(page) == 0 {
			return
		}
		b, err := manifest.EncodeProperties(page)
		if err != nil {
			t.Fatalf("%+v: %v", page, err)
		}
		if again, err := manifest.ParseProperties(b); err != nil || !reflect.DeepEqual(again, page) {
			t.Fatalf("got %+v, want %+v: %v", again, page, err)
		}
	})
}
