package imapclient

import "testing"

// Rights and annotations are sent in the forms that RFC 4314 and RFC 5464 allow.
func TestSetProperties(t *testing.T) {
	opts := serve(t, loggedIn("IMAP4rev1 ACL RIGHTS=texk METADATA LITERAL+",
		`< SETACL "A b" "-some team" "lr"`, "TAG OK x",
		`< SETMETADATA "INBOX" ("/private/comment" "x")`, "TAG OK x",
		`< SETMETADATA "" ("/shared/y" ~{3+}`, "<{3}", "<)", "TAG OK x",
		`< SETMETADATA "INBOX" ("/private/z" {2+}`, "<{2}", "<)", "TAG OK x"))
	c := connect(t, opts)
	for _, err := range []error{
		c.SetRights(t.Context(), "A b", "-some team", "lr"),
		c.SetAnnotation(t.Context(), "INBOX", "/private/comment", "x"),
		c.SetAnnotation(t.Context(), "", "/shared/y", "\x00\xffz"),
		c.SetAnnotation(t.Context(), "INBOX", "/private/z", "\r\n"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if got := c.KnownRights("lrswipcdkxtean9"); got != "lrswipkxtea" {
		t.Errorf("known rights are %q", got)
	}
}
