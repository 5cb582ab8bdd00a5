package sorting

import "testing"

func TestSortKey(t *testing.T) {
	for _, c := range []struct{ header, field, want string }{
		{"From: \"Anna B.\" <anna@mail.example>\r\n\r\n", ByFrom, "anna b."},
		{"From: <anna@mail.example>\r\n\r\n", ByFrom, "anna@mail.example"},
		{"From: anna@mail.example\r\n\r\n", ByFrom, "anna@mail.example"},
		{"To: Ben <ben@mail.example>, anna@mail.example\r\n\r\n", ByTo, "ben"},
		{"Subject: Re: AW: Fwd: Bridge\r\n\r\n", BySubject, "bridge"},
		{"Subject: Report: bridge\r\n\r\n", BySubject, "report: bridge"},
		{"Subject: re\r\n\r\n", BySubject, "re"},
		{"\r\n", BySubject, ""},
	} {
		if got := sortKey([]byte(c.header), c.field); got != c.want {
			t.Errorf("%q by %s: %q, want %q", c.header, c.field, got, c.want)
		}
	}
}
