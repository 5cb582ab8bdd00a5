package command_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/serve/internal/command"
)

// reader returns a reader of what a client sends, which counts how often it was asked to go on.
func reader(text string) (*command.Reader, *int) {
	asked := new(int)
	return &command.Reader{
		Input:    bufio.NewReaderSize(strings.NewReader(text), 16),
		Continue: func() error { *asked++; return nil },
	}, asked
}

// parse parses the arguments of a command, whatever it is, and describes them.
func parse(c *command.Command) (string, error) {
	switch c.Name {
	case "LOGIN":
		user, password, err := c.Login()
		return fmt.Sprintf("%q %q", user, password), err
	case "AUTHENTICATE":
		mechanism, initial, err := c.Authenticate()
		if initial == nil {
			return mechanism, err
		}
		return mechanism + " " + *initial, err
	case "SELECT", "EXAMINE":
		name, err := c.Mailbox()
		return fmt.Sprintf("%q", name), err
	case "LIST":
		l, err := c.List()
		if l == nil {
			return "", err
		}
		return fmt.Sprintf("%+v", *l), err
	case "LSUB":
		l, err := c.LSub()
		if l == nil {
			return "", err
		}
		return fmt.Sprintf("%q %q", l.Reference, l.Patterns), err
	case "STATUS":
		name, items, err := c.Status()
		return fmt.Sprintf("%q %v", name, items), err
	case "FETCH":
		f, err := c.Fetch()
		if err != nil {
			return "", err
		}
		text := fmt.Sprint(f.Set)
		for _, item := range f.Items {
			text += " " + item.Name
			if item.Section != nil {
				text += " " + item.Section.Format(func(field string) string { return field })
			}
			if item.Section != nil && item.Section.Partial {
				text += fmt.Sprint(item.Section.Length)
			}
		}
		return text, nil
	case "SEARCH":
		s, err := c.Search()
		if err != nil {
			return "", err
		}
		return fmt.Sprint(s.Return, s.Charset, describe(s.Key)), nil
	}
	return "", c.End()
}

func describe(k command.Key) string {
	text := k.Op
	for _, inner := range k.Keys {
		text += "(" + describe(inner) + ")"
	}
	if k.Set != nil {
		text += fmt.Sprint(" ", k.Set)
	}
	if k.Name+k.Text != "" {
		text += fmt.Sprintf(" %q%q", k.Name, k.Text)
	}
	if k.Size > 0 {
		text += fmt.Sprint(" ", k.Size)
	}
	if k.Date != (command.Date{}) {
		text += fmt.Sprint(" ", k.Date.Year, k.Date.Month, k.Date.Day)
	}
	return text
}

// Each command is read with its arguments in all the forms of its syntax.
func TestCommands(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"a LOGIN anna secret", `"anna" "secret"`},
		{`a login "an\"na" "a\\b ü"`, `"an\"na" "a\\b ü"`},
		{"a LOGIN {4+}\r\nanna {3+}\r\na{2", `"anna" "a{2"`},
		{"a LOGIN {4}\r\nanna \"\"", `"anna" ""`},
		{"a AUTHENTICATE plain", "PLAIN"},
		{"a AUTHENTICATE PLAIN AGE=", "PLAIN AGE="},
		{"a SELECT Sent]", `"Sent]"`},
		{"a EXAMINE {5+}\r\na\r\nb ", `"a\r\nb "`},
		{`a LIST "" *`, `{Reference: Patterns:[*] Extended:false Subscribed:false Special:false Recursive:false ReturnSubscribed:false ReturnChildren:false ReturnSpecial:false Status:[]}`},
		{`a LIST (SUBSCRIBED RECURSIVEMATCH) "x" ("a" %) RETURN (CHILDREN STATUS (MESSAGES SIZE))`,
			`{Reference:x Patterns:[a %] Extended:true Subscribed:true Special:false Recursive:true ReturnSubscribed:true ReturnChildren:true ReturnSpecial:false Status:[MESSAGES SIZE]}`},
		{`a LSUB "" "%"`, `"" ["%"]`},
		{"a STATUS x (messages UNSEEN)", `"x" [MESSAGES UNSEEN]`},
		{"a FETCH 1:*,4 FLAGS", "[{1 4294967295} {4 4}] FLAGS"},
		{"a UID FETCH *:7 (UID body.peek[])", "[{4294967295 7}] UID SECTION BODY[]"},
		{"a FETCH 1 FAST", "[{1 1}] FLAGS INTERNALDATE RFC822.SIZE"},
		{"a FETCH 1 BODY", "[{1 1}] BODY"},
		{"a FETCH 1 (BODY[1.2.HEADER.FIELDS (Date \"X Y\")]<0.10> RFC822.HEADER)", "[{1 1}] SECTION BODY[1.2.HEADER.FIELDS (Date X Y)]<0>10 SECTION RFC822.HEADER"},
		{"a FETCH 1 BODY[1.mime]", "[{1 1}] SECTION BODY[1.MIME]"},
		{"a FETCH 1 BODY[TEXT]<5.4294967295>", "[{1 1}] SECTION BODY[TEXT]<5>4294967295"},
		{"a SEARCH all", "[]AND(ALL)"},
		{"a UID SEARCH RETURN (MIN COUNT) CHARSET utf-8 1:2 UID 3 NOT (SEEN OR FROM x SUBJECT \"y z\")",
			`[MIN COUNT]UTF-8AND(SEQ [{1 2}])(UID [{3 3}])(NOT(AND(SEEN)(OR(FROM """x")(SUBJECT """y z"))))`},
		{"a SEARCH HEADER X-A {2+}\r\nab SINCE 1-feb-2024 LARGER 10 KEYWORD $x", `[]AND(HEADER "X-A""ab")(SINCE 2024 February 1)(LARGER 10)(KEYWORD """$x")`},
		{"a NOOP", ""},
	} {
		r, _ := reader(test.line + "\r\nb NOOP\r\n")
		c, err := r.Next()
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
			continue
		}
		if have, err := parse(c); have != test.want || err != nil || c.Tag != "a" || c.Cut {
			t.Errorf("%q\nhave %s, %v\nwant %s", test.line, have, err, test.want)
		}
		if next, err := r.Next(); err != nil || next.Tag != "b" {
			t.Errorf("%q: the next command is %v, %v", test.line, next, err)
		}
	}
}

// What is wrong is an error, and the next command is read.
func TestWrongCommands(t *testing.T) {
	for _, line := range []string{
		"a LOGIN", "a LOGIN x", "a LOGIN x y z", "a LOGIN  x y", `a LOGIN "x y`, `a LOGIN "\x" y`, "a LOGIN (x) y", "a LOGIN {1+}\r\nx", "a LOGIN {1+}\r\nxy z",
		"a SELECT", "a SELECT x (CONDSTORE)", "a SELECT %", "a NOOP x", "a AUTHENTICATE", `a LIST "" x RETURN`, `a LIST (FOO) "" x`, `a LIST (RECURSIVEMATCH) "" x`,
		`a LIST "" x RETURN (STATUS)`, `a LSUB x`, "a STATUS x", "a STATUS x ()", "a STATUS x (FOO)", "a STATUS x MESSAGES",
		"a FETCH 0 FLAGS", "a FETCH 1: FLAGS", "a FETCH 1,,2 FLAGS", "a FETCH 4294967296 FLAGS", "a FETCH 1 ()", "a FETCH 1 FOO", "a FETCH 1 (FAST)",
		"a FETCH 1 BODY[", "a FETCH 1 BODY[0]", "a FETCH 1 BODY[1.]", "a FETCH 1 BODY[MIME]", "a FETCH 1 BODY[HEADER.FIELDS ()]", "a FETCH 1 BODY[]<0>",
		"a FETCH 1 BODY[]<0.0>", "a FETCH 1 BODY[FOO]", "a FETCH 1 BODY[] x", "a FETCH 1 (FLAGS  UID)",
		"a SEARCH", "a SEARCH FOO", "a SEARCH ()", "a SEARCH NOT", "a SEARCH OR SEEN", "a SEARCH SINCE 2024-01-01", "a SEARCH LARGER x", "a SEARCH RETURN (FOO) ALL",
		"a SEARCH CHARSET x", "a SEARCH " + strings.Repeat("(", 40) + "ALL" + strings.Repeat(")", 40),
		"a SEARCH" + strings.Repeat(" ALL", 1001), "a FETCH 1 (" + strings.Repeat("UID ", 200) + "UID)",
	} {
		r, _ := reader(line + "\r\nb NOOP\r\n")
		c, err := r.Next()
		if err != nil {
			t.Errorf("%.60q: %v", line, err)
			continue
		}
		var syntax *command.SyntaxError
		if have, err := parse(c); !errors.As(err, &syntax) {
			t.Errorf("%.60q is read as %s, %v", line, have, err)
		}
		if next, err := r.Next(); err != nil || next.Tag != "b" {
			t.Errorf("%.60q: the next command is %v, %v", line, next, err)
		}
	}
}

// A literal that is too large is not asked for, or is dropped. One that is not is asked for once.
func TestLiterals(t *testing.T) {
	for _, test := range []struct {
		text  string
		cut   bool
		asked int
	}{
		{"a SELECT {3}\r\nabc\r\n", false, 1},
		{"a SELECT {3+}\r\nabc\r\n", false, 0},
		{"a SELECT {100000}\r\n", true, 0},
		{"a SELECT {100000+}\r\n" + strings.Repeat("x", 100000) + "\r\n", true, 0},
		{"a SELECT {99999999999999999999}\r\n", false, 0}, // no number: a part of a word
		{"a APPEND x {3}\r\n", true, 0},
		{"a APPEND x {3+}\r\nabc\r\n", true, 0},
		{"a LOGIN {40000+}\r\n" + strings.Repeat("x", 40000) + " {40000}\r\n", true, 0},
	} {
		r, asked := reader(test.text + "b NOOP\r\n")
		c, err := r.Next()
		if err != nil || c.Cut != test.cut || *asked != test.asked {
			t.Errorf("%.30q: cut %v, asked %d times, %v", test.text, c.Cut, *asked, err)
		}
		if next, err := r.Next(); err != nil || next.Tag != "b" {
			t.Errorf("%.30q: the next command is %v, %v", test.text, next, err)
		}
	}
	for _, text := range []string{"a SELECT {5+}\r\nabc", "a SEL", "a SELECT {2000000000+}\r\n", "a " + strings.Repeat("x", 2<<20)} {
		r, _ := reader(text)
		if _, err := r.Next(); err == nil || err == io.EOF {
			t.Errorf("%.30q is read: %v", text, err)
		}
	}
	for _, text := range []string{"a LOGIN " + strings.Repeat("x", 20000), "a LOGIN {5000+}\r\n"} {
		r, _ := reader(text)
		r.Strict = true
		if _, err := r.Next(); !errors.Is(err, command.ErrTooLong) {
			t.Errorf("%.30q is read before the login: %v", text, err)
		}
	}
	if r, _ := reader(""); true {
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("the end is %v", err)
		}
	}
}

// The answer to a line without a valid tag has the tag "*".
func TestTags(t *testing.T) {
	for line, want := range map[string]string{
		"": "*", " ": "*", "a": "a", "a+b NOOP": "*", "* NOOP": "*", "a\x00 NOOP": "*", "A1.x] NOOP": "A1.x]", "\xff NOOP": "*",
	} {
		r, _ := reader(line + "\r\n")
		if c, err := r.Next(); err != nil || c.Tag != want {
			t.Errorf("%q: %v, %v", line, c, err)
		}
	}
}

// The star in a set is the last message, ranges go both ways, and without messages a star names
// none.
func TestResolve(t *testing.T) {
	set := command.Set{{First: command.Star, Last: 3}, {First: 9, Last: 2}, {First: command.Star, Last: command.Star}}
	if have := fmt.Sprint(set.Resolve(5)); have != "[{3 5} {2 9} {5 5}]" {
		t.Errorf("have %s", have)
	}
	if have := fmt.Sprint(set.Resolve(0)); have != "[{2 9}]" {
		t.Errorf("without messages: %s", have)
	}
}

// Whatever a client sends is read without a panic, and a section that is read has a name that gives
// the same section.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{
		"a LOGIN {4}\r\nanna \"x\"\r\n", "a UID FETCH 1:*,3 (FLAGS BODY.PEEK[1.HEADER.FIELDS (A B)]<3.4>)\r\n", "a LIST (SUBSCRIBED) \"\" (a b) RETURN (STATUS (SIZE))\r\n",
		"a SEARCH RETURN () OR NOT SEEN (1:2 UID *) HEADER a {1+}\r\nb\r\n", "a AUTHENTICATE PLAIN =\r\n", "a APPEND x {9+}\r\n123456789\r\nb NOOP\r\n", "DONE\r\n",
		"a STATUS {3}\r\nabc (UNSEEN)\r\n", "\r\n", "a UID\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, _ := reader(string(text))
		for {
			c, err := r.Next()
			if err != nil {
				return
			}
			c.Line()
			if c.Name != "FETCH" {
				parse(c)
				continue
			}
			fetch, err := c.Fetch()
			if err != nil {
				continue
			}
			for _, item := range fetch.Items {
				if item.Section == nil || item.Section.Old != "" {
					continue
				}
				name := item.Section.Format(func(s string) string { return fmt.Sprintf("{%d+}\r\n%s", len(s), s) })
				if item.Section.Partial {
					name = strings.TrimSuffix(name, ">") + fmt.Sprintf(".%d>", item.Section.Length)
				}
				again, _ := reader("a FETCH 1 " + name + "\r\n")
				c, err := again.Next()
				if err != nil {
					t.Fatalf("%q: %v", name, err)
				}
				if c.Cut {
					continue
				}
				if f, err := c.Fetch(); err != nil || fmt.Sprint(*f.Items[0].Section) != fmt.Sprint(*item.Section) {
					t.Fatalf("%q is %+v: %v", name, item.Section, err)
				}
			}
		}
	})
}

// A client that has not logged in can send a line of a megabyte, but no more work than that.
func TestManyLiterals(t *testing.T) {
	r, _ := reader("a LOGIN " + strings.Repeat("{0+}\r\n", 150_000) + "\r\n")
	begin := time.Now()
	if c, err := r.Next(); err != nil || !c.Cut {
		t.Errorf("the command is not cut: %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second { // 50 seconds, if each literal looks at those before it
		t.Errorf("reading it takes %v", took)
	}
}
