package imapclient

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// readRanges asks for the first three bytes and two from the eighth on, of each message, and
// returns what came.
func readRanges(t *testing.T, m *Mailbox, uids ...mail.UID) (map[string]string, error) {
	t.Helper()
	var wanted []source.Range
	for _, uid := range uids {
		wanted = append(wanted, source.Range{UID: uid, Length: 3}, source.Range{UID: uid, Offset: 8, Length: 2})
	}
	have := map[string]string{}
	err := m.Ranges(t.Context(), wanted, func(s source.Range, data []byte) error {
		key := fmt.Sprintf("%d@%d", s.UID, s.Offset)
		if _, twice := have[key]; twice {
			t.Errorf("%s came twice", key)
		}
		have[key] = string(data)
		return nil
	})
	return have, err
}

// A range belongs to the message and the offset that it carries. What is no range, or too long, is
// ignored.
func TestRangesBelongToTheirMessages(t *testing.T) {
	const asks4, asks5 = "< UID FETCH 4 (UID BODY.PEEK[]<0.3> BODY.PEEK[]<8.2>)", "< UID FETCH 5 (UID BODY.PEEK[]<0.3> BODY.PEEK[]<8.2>)"
	whole5 := "* 2 FETCH (UID 5 BODY[]<0> {3}\r\nuvw BODY[]<8> {2}\r\nxy)"
	for name, test := range map[string]struct {
		says []string
		want map[string]string
	}{
		"as usual":       {[]string{"* 1 FETCH (UID 4 BODY[]<0> {3}\r\nabc BODY[]<8> {2}\r\nde)", whole5}, map[string]string{"4@0": "abc", "4@8": "de"}},
		"UID at the end": {[]string{"* 1 FETCH (BODY[]<8> {2}\r\nde BODY[]<0> {3}\r\nabc UID 4)", whole5}, map[string]string{"4@0": "abc", "4@8": "de"}},
		"in two halves":  {[]string{"* 1 FETCH (UID 4 BODY[]<8> {2}\r\nde)", "* 1 FETCH (UID 4 BODY[]<0> {3}\r\nabc)", whole5}, map[string]string{"4@0": "abc", "4@8": "de"}},
		"quoted":         {[]string{`* 1 FETCH (UID 4 BODY[]<0> "abc" BODY[]<8> "de")`, whole5}, map[string]string{"4@0": "abc", "4@8": "de"}},
		"past the end":   {[]string{"* 1 FETCH (UID 4 BODY[]<0> {3}\r\nabc BODY[]<8> {0}\r\n)", whole5}, map[string]string{"4@0": "abc", "4@8": ""}},
		"NIL":            {[]string{"* 1 FETCH (UID 4 BODY[]<0> NIL BODY[]<8> NIL)", whole5}, map[string]string{}},
		"all of it":      {[]string{"* 1 FETCH (UID 4 BODY[] {10}\r\nabcfghijde)", whole5}, map[string]string{}},
		"too long":       {[]string{"* 1 FETCH (UID 4 BODY[]<0> {10}\r\nabcfghijde BODY[]<8> {2}\r\nde)", whole5}, map[string]string{"4@8": "de"}},
		"twice":          {[]string{"* 1 FETCH (UID 4 BODY[]<0> {3}\r\nabc)", "* 1 FETCH (UID 4 BODY[]<0> {3}\r\nxyz)", whole5}, map[string]string{"4@0": "abc"}},
		"of another":     {[]string{"* 9 FETCH (UID 99 BODY[]<0> {3}\r\nabc)", "* 1 FETCH (FLAGS (\\Seen) UID 4)", whole5}, map[string]string{}},
		"without a UID":  {[]string{"* 7 FETCH (BODY[]<0> {3}\r\nabc)", whole5}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := append(selected("", asks4, asks5), test.says...)
			box := examine(t, serve(t, append(server, "TAG1 OK done", "TAG2 OK done", "TAG3 OK done")))
			have, err := readRanges(t, box, 4, 5)
			want := maps.Clone(test.want)
			want["5@0"], want["5@8"] = "uvw", "xy"
			if err != nil || !maps.Equal(have, want) {
				t.Errorf("have %q, %v", have, err)
			}
		})
	}
}

// A refusal does not affect other ranges, a lost connection is an error, and commands are sent
// ahead of answers.
func TestRefusedRanges(t *testing.T) {
	box := examine(t, serve(t, selected("", "< UID FETCH 4 …", "< UID FETCH 5 …", "TAG2 NO [UNKNOWN-CTE] no",
		"* 2 FETCH (UID 5 BODY[]<0> {3}\r\nuvw)", "TAG3 OK done")))
	if have, err := readRanges(t, box, 4, 5); !errors.Is(err, mail.ErrRefused) || have["5@0"] != "uvw" || len(have) != 1 {
		t.Errorf("refused: %q, %v", have, err)
	}

	box = examine(t, serve(t, selected("", "< UID FETCH 4 …", "* 1 FETCH (UID 4 BODY[]<0> {3}\r\na", "!")))
	if have, err := readRanges(t, box, 4); !errors.Is(err, mail.ErrTemporary) || len(have) > 0 {
		t.Errorf("cut short: %q, %v", have, err)
	}

	var asked []string
	for uid := range rangesInFlight {
		asked = append(asked, fmt.Sprintf("< UID FETCH %d …", uid+1))
	}
	box = examine(t, serve(t, append(selected("", asked...), "!")))
	var uids []mail.UID
	for uid := range rangesInFlight {
		uids = append(uids, mail.UID(uid+1))
	}
	if _, err := readRanges(t, box, uids...); !errors.Is(err, mail.ErrTemporary) || strings.Contains(fmt.Sprint(err), "want") {
		t.Errorf("ahead: %v", err)
	}
}
