package imapclient

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/spool"
	"github.com/mailstrata/mailstrata/mail"
)

// fetched reads messages and returns them by UID.
func fetched(t *testing.T, m *Mailbox, uids ...mail.UID) (map[mail.UID]string, error) {
	t.Helper()
	var messages []mail.Message
	for _, uid := range uids {
		messages = append(messages, mail.Message{UID: uid, Size: 5})
	}
	have := map[mail.UID]string{}
	err := m.Bodies(t.Context(), messages, func(uid mail.UID, body io.Reader) error {
		if _, twice := have[uid]; twice {
			t.Errorf("message %d came twice", uid)
		}
		text, err := io.ReadAll(body)
		have[uid] = string(text)
		return err
	})
	return have, err
}

// A body that is announced with more bytes than a message may have ends the connection at once. The
// error has the message and the size.
func TestBodyTooLarge(t *testing.T) {
	for name, test := range map[string]struct {
		says string
		uid  mail.UID
		size int64
	}{
		"2^40":                {"* 2 FETCH (UID 5 BODY[] {1099511627776}", 5, 1 << 40},
		"beyond 64 bits":      {"* 2 FETCH (UID 5 BODY[] {99999999999999999999999}", 5, math.MaxInt64},
		"one byte more":       {fmt.Sprintf("* 2 FETCH (UID 5 BODY[] {%d}", mail.MaxMessage+1), 5, mail.MaxMessage + 1},
		"UID after the body":  {"* 2 FETCH (BODY[] {1099511627776}", 0, 1 << 40},
		"as a binary literal": {"* 2 FETCH (UID 5 BODY[] ~{1099511627776}", 5, 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			server := selected("", "< UID FETCH 4:5 (UID BODY.PEEK[])", "* 1 FETCH (UID 4 BODY[] {3}\r\nabc)", test.says, "abcdef")
			box := examine(t, serve(t, server))
			have, err := fetched(t, box, 4, 5)
			var large *mail.TooLargeError
			if !errors.As(err, &large) || large.UID != test.uid || large.Size != test.size {
				t.Errorf("it ends with %v", err)
			}
			if fmt.Sprint(have) != "map[4:abc]" {
				t.Errorf("it gives %v", have)
			}
		})
	}
}

// The client does not wait for the end of an unrequested literal that is too long.
func TestUnrequestedLiteral(t *testing.T) {
	for _, says := range []string{"* 1 FETCH (UID 99 BODY[] {1099511627776}", "* 1 FETCH (UID 4 X-OTHER {1099511627776}",
		"* 1 FETCH (UID 4 BODY[2] {99999999999999999999999}", "* LIST () {99999999999999999999999}"} {
		server := selected("", "< UID FETCH 4:5 (UID BODY.PEEK[])", says, "abcdef")
		box := examine(t, serve(t, server))
		if _, err := fetched(t, box, 4, 5); !errors.Is(err, mail.ErrFlood) {
			t.Errorf("%s: it ends with %v", says, err)
		}
	}
}

// Data belongs to the UID that it carries, in any order and number of pieces. What is not a body is
// ignored.
func TestBodiesBelongToTheirUID(t *testing.T) {
	for name, test := range map[string]struct {
		says []string
		want string
	}{
		"as usual":              {[]string{"* 1 FETCH (UID 4 BODY[] {3}\r\nabc)", "* 2 FETCH (UID 5 BODY[] {2}\r\nde)"}, "map[4:abc 5:de]"},
		"UID after the body":    {[]string{"* 1 FETCH (BODY[] {3}\r\nabc UID 4)", "* 2 FETCH (BODY[] {2}\r\nde UID 5)"}, "map[4:abc 5:de]"},
		"in two halves":         {[]string{"* 1 FETCH (UID 4 FLAGS ())", "* 1 FETCH (UID 4 BODY[] {3}\r\nabc)"}, "map[4:abc]"},
		"UID in the other half": {[]string{"* 1 FETCH (UID 4)", "* 1 FETCH (BODY[] {3}\r\nabc)"}, "map[4:abc]"},
		"backwards":             {[]string{"* 2 FETCH (UID 5 BODY[] {2}\r\nde)", "* 1 FETCH (UID 4 BODY[] {3}\r\nabc)"}, "map[4:abc 5:de]"},
		"others in between": {[]string{"* 9 FETCH (FLAGS (\\Seen) UID 44)", "* 7 EXISTS", "* 1 RECENT", "* 1 FETCH (UID 4 BODY[] {3}\r\nabc)",
			"* OK still here", "* 3 EXPUNGE", "* VANISHED 41", "* 2 FETCH (UID 5 BODY[] {2}\r\nde)"}, "map[4:abc 5:de]"},
		"not asked for":        {[]string{"* 1 FETCH (UID 99 BODY[] {3}\r\nabc)", "* 2 FETCH (UID 5 BODY[] {2}\r\nde)"}, "map[5:de]"},
		"twice":                {[]string{"* 1 FETCH (UID 4 BODY[] {3}\r\nabc)", "* 1 FETCH (UID 4 BODY[] {3}\r\nxyz)"}, "map[4:abc]"},
		"NIL":                  {[]string{"* 1 FETCH (UID 4 BODY[] NIL)", "* 2 FETCH (UID 5 RFC822.SIZE 0 BODY[] {2}\r\nde)"}, "map[5:de]"},
		"quoted":               {[]string{`* 1 FETCH (UID 4 BODY[] "abc")`, `* 2 FETCH (BODY[] "" UID 5)`}, "map[4:abc 5:]"},
		"empty":                {[]string{"* 1 FETCH (UID 4 BODY[] {0}\r\n)"}, "map[4:]"},
		"lower case, literal8": {[]string{"* 1 fetch (uid 4 body[] ~{3}\r\na\x00c)"}, "map[4:a\x00c]"},
		"no UID at all":        {[]string{"* 1 FETCH (BODY[] {3}\r\nabc)"}, "map[]"},
		"number moved":         {[]string{"* 1 FETCH (UID 4)", "* 1 EXPUNGE", "* 1 FETCH (BODY[] {3}\r\nabc)"}, "map[]"},
		"a section beside":     {[]string{"* 1 FETCH (UID 4 BODY[HEADER] {1}\r\nx BODY[] {3}\r\nabc BODY[]<0> {1}\r\na)"}, "map[4:abc]"},
		"UID out of range":     {[]string{"* 1 FETCH (UID 4294967300 BODY[] {3}\r\nabc)", "* 1 FETCH (UID 0 BODY[] {3}\r\nabc)"}, "map[]"},
		"like responses":       {[]string{"* 1 FETCH (UID 4 BODY[] {18}\r\nTAG OK done\r\n* BYE\r)"}, "map[4:M2 OK done\r\n* BYE\r]"},
	} {
		t.Run(name, func(t *testing.T) {
			server := append(selected("", "< UID FETCH 4:5 (UID BODY.PEEK[])"), test.says...)
			box := examine(t, serve(t, append(server, "TAG OK done")))
			have, err := fetched(t, box, 4, 5)
			if err != nil || fmt.Sprint(have) != test.want {
				t.Errorf("have %q, %v", fmt.Sprint(have), err)
			}
		})
	}
}

// A large body whose UID comes late is held, mostly outside of memory, and is delivered whole.
func TestLargeBodyBeforeItsUID(t *testing.T) {
	want := strings.Repeat("0123456789abcdef", (spool.MaxMemory+1<<20)/16) + "end"
	box := examine(t, serve(t, selected("", "< UID FETCH 4 …", fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s UID 4)", len(want), want), "TAG OK done")))
	have, err := fetched(t, box, 4)
	if err != nil || have[4] != want {
		t.Errorf("have %d bytes of %d, %v", len(have[4]), len(want), err)
	}
}

// A refused command does not stop the others. If the connection ends, the body being read returns
// an error.
func TestRefusedBodies(t *testing.T) {
	many := make([]mail.UID, batchMessages+1)
	for i := range many {
		many[i] = mail.UID(i + 1)
	}
	box := examine(t, serve(t, selected("", "< UID FETCH 1:250 …", "< UID FETCH 251 …", "* 1 FETCH (UID 1 BODY[] {1}\r\na)",
		"TAG1 NO not that", "TAG2 NO [UNKNOWN-CTE] some", "* 251 FETCH (UID 251 BODY[] {1}\r\nb)", "TAG3 OK done")))
	have, err := fetched(t, box, many...)
	if !errors.Is(err, mail.ErrRefused) || errors.Is(err, mail.ErrTemporary) || fmt.Sprint(have) != "map[1:a 251:b]" {
		t.Errorf("refused: have %v, %v", have, err)
	}

	box = examine(t, serve(t, selected("", "< UID FETCH 4 …", "* 1 FETCH (UID 4 BODY[] {100}\r\nabc", "!")))
	var within error
	err = box.Bodies(t.Context(), []mail.Message{{UID: 4}}, func(_ mail.UID, body io.Reader) error {
		_, within = io.Copy(io.Discard, body)
		return errors.New("something else that the reader makes of it")
	})
	if !errors.Is(within, mail.ErrTemporary) || !errors.Is(err, mail.ErrTemporary) {
		t.Errorf("cut short: the body says %v, the call %v", within, err)
	}

	box = examine(t, serve(t, selected("", "< UID FETCH 4 …", "* 1 FETCH (UID 4 BODY[] {3}\r\nabc)", "TAG OK done")))
	full := errors.New("disk full")
	if err := box.Bodies(t.Context(), []mail.Message{{UID: 4}}, func(mail.UID, io.Reader) error { return full }); !errors.Is(err, full) || errors.Is(err, mail.ErrTemporary) {
		t.Errorf("the reader's own error: %v", err)
	}

	box = examine(t, serve(t, selected("", "< UID FETCH 4 …", "TAG NO [EXPUNGEISSUED] gone", "< NOOP", "TAG OK x")))
	if have, err := fetched(t, box, 4); len(have) > 0 || err != nil {
		t.Errorf("gone is gone: %v, %v", have, err)
	}
	if err := box.c.Do(t.Context(), imap.NewCommand("NOOP")); err != nil {
		t.Error(err)
	}
}

// Commands ask for a limited number of expected bytes; a large message has a command of its own.
func TestBatches(t *testing.T) {
	sized := func(sizes ...int64) (messages []mail.Message) {
		for i, size := range sizes {
			messages = append(messages, mail.Message{UID: mail.UID(i + 1), Size: size})
		}
		return messages
	}
	for _, test := range []struct {
		messages []mail.Message
		want     string
	}{
		{sized(1, 2, 3), "[3]"},
		{sized(5<<20, 2<<20, 2<<20, 9<<20, 1), "[2 1 1 1]"},
		{sized(100<<20, 100<<20), "[1 1]"},
		{sized(make([]int64, 450)...), "[250 200]"},
		{sized(-1, -1), "[2]"},
	} {
		var sizes []int
		for rest := test.messages; len(rest) > 0; {
			var batch []mail.Message
			batch, rest = nextBatch(rest)
			sizes = append(sizes, len(batch))
		}
		if fmt.Sprint(sizes) != test.want {
			t.Errorf("have %v, want %s", sizes, test.want)
		}
	}
}
