package header_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/internal/header"
)

func TestDate(t *testing.T) {
	for value, want := range map[string]string{
		"Mon, 02 Jan 2006 15:04:05 -0700": "2006-01-02 15:04:05 -0700",
		" 8 Dec 1991 09:11 (Sunday)":      "1991-12-08 09:11:00 +0000",
		"Tue, 25 Apr 95 15:09:57 est":     "1995-04-25 15:09:57 +0000",
		"18 Feb 01 12:29:13 AM":           "2001-02-18 00:29:13 +0000",
		"18 February 01 1:29 pm":          "2001-02-18 13:29:00 +0000",
		"Fri, 7 Dec 2001 07:01:03":        "2001-12-07 07:01:03 +0000",
		"Thu, 16 Jun 2016 00:41:19 (UTC)": "2016-06-16 00:41:19 +0000",
		"Fri, 02 Aug 2002 23:37:59 0530":  "2002-08-02 23:37:59 +0000",
		"Fri, 1 Nov 2019 10:21:39 +070":   "2019-11-01 10:21:39 +0000",
		"Tue, 12 Oct 2010 16:21:05 H0500": "2010-10-12 16:21:05 +0000",
		"Fri, 1 Nov 119 10:21:39 X":       "2019-11-01 10:21:39 +0000",
		"Friday, 01-Nov-19 10:21:39 XYZ":  "2019-11-01 10:21:39 +0000",
		"1 Nov 2019":                      "2019-11-01 00:00:00 +0000",
		"":                                "", "yesterday": "", "31 Feb 2020 0": "", "1 2 3": "", "1 Nov": "", "1 Nov -9": "", "\x00 \xff 1": "",
	} {
		have := ""
		if date, ok := header.Date(value); ok {
			have = date.Format("2006-01-02 15:04:05 -0700")
		}
		if have != want {
			t.Errorf("%q\nhave %q\nwant %q", value, have, want)
		}
	}
}
