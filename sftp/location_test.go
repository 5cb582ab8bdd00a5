package sftp_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/sftp"
)

func TestParseLocation(t *testing.T) {
	for text, want := range map[string]sftp.Location{
		"sftp:nas:/srv/mail":                  {Host: "nas", Path: "/srv/mail"},
		"sftp:anna@nas:mail/":                 {User: "anna", Host: "nas", Path: "mail"},
		"sftp:anna@[2001:db8::1]:/srv/a:b":    {User: "anna", Host: "2001:db8::1", Path: "/srv/a:b"},
		"sftp:nas:/srv/a@b":                   {Host: "nas", Path: "/srv/a@b"},
		"sftp://anna@nas.example:2222/srv/it": {User: "anna", Host: "nas.example", Port: 2222, Path: "/srv/it"},
		"sftp://nas/~/mail":                   {Host: "nas", Path: "mail"},
		"sftp://nas:22/~/a%20b":               {Host: "nas", Port: 22, Path: "a b"},
		"sftp://[2001:db8::1]:22/srv":         {Host: "2001:db8::1", Port: 22, Path: "/srv"},
	} {
		got, err := sftp.ParseLocation(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
			continue
		}
		if again, err := sftp.ParseLocation(got.String()); err != nil || again != want {
			t.Errorf("%s is written as %s, which is %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{
		"", "sftp:", "sftp:nas", "sftp:nas:", "sftp:nas:/", "sftp::/srv", "sftp:@nas:/srv", "sftp://", "sftp://nas", "sftp://nas/",
		"sftp://nas:0/srv", "sftp://nas:70000/srv", "sftp://anna:secret@nas/srv", "sftp://nas/srv?x=1", "nas:/srv",
		"sftp:-oProxyCommand=x:/srv", "sftp:-oProxyCommand=x@nas:/srv", "sftp:n as:/srv", "sftp:$(id):/srv", "sftp:nas:2222:/srv", "sftp:anna@[::1]:22:/srv", "sftp:nas:/s\nrv",
	} {
		if got, err := sftp.ParseLocation(text); err == nil {
			t.Errorf("%q is accepted as %+v", text, got)
		}
	}
}

func FuzzParseLocation(f *testing.F) {
	f.Add("sftp:anna@nas:/srv/mail")
	f.Add("sftp://anna@[::1]:22/~/mail")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := sftp.ParseLocation(text)
		if err != nil {
			return
		}
		if again, err := sftp.ParseLocation(l.String()); err != nil || again != l {
			t.Errorf("%q: %+v is written as %q, which is %+v, %v", text, l, l, again, err)
		}
	})
}
