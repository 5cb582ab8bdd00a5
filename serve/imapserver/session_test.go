package imapserver_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/imapserver"
	"github.com/mailstrata/mailstrata/serve/view"
)

const password = "the password"

// account is the name that archivetest.Backup gives an account.
const account = "account-0"

// serve serves a repository, and returns the address.
func serve(t testing.TB, r *repo.Repo, limits imapserver.Limits) string {
	t.Helper()
	return serveArchive(t, view.NewArchive(r), limits)
}

func serveArchive(t testing.TB, a *view.Archive, limits imapserver.Limits) string {
	t.Helper()
	return serveCounted(t, a, limits, nil)
}

// serveCounted is serveArchive with a function that is called for each use.
func serveCounted(t testing.TB, a *view.Archive, limits imapserver.Limits, used func()) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, a, limits, used)
	return l.Addr().String()
}

// serveOn is serveCounted with a listener.
func serveOn(t testing.TB, l net.Listener, a *view.Archive, limits imapserver.Limits, used func()) {
	t.Helper()
	if limits.Delay == 0 {
		limits.Delay = time.Millisecond
	}
	server := imapserver.New(imapserver.Options{
		Views: view.Archives{a}, Password: []byte(password), Version: "1", Limits: limits, Used: used,
		Log: func(format string, args ...any) {
			if text := fmt.Sprintf(format, args...); strings.Contains(text, "internal error") {
				t.Error(text)
			}
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// client is a connection of a test.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// dial connects, and reads the greeting.
func dial(t *testing.T, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return greeted(t, conn)
}

// greeted reads the greeting of a connection.
func greeted(t *testing.T, conn net.Conn) *client {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	c := &client{t, conn, bufio.NewReader(conn)}
	if line := c.line(); !strings.HasPrefix(line, "* OK [CAPABILITY IMAP4rev1 ") {
		t.Fatalf("the greeting is %q", line)
	}
	return c
}

// login connects and logs in.
func login(t *testing.T, address, user string) *client {
	t.Helper()
	c := dial(t, address)
	c.login(user)
	return c
}

func (c *client) login(user string) {
	c.t.Helper()
	c.want(fmt.Sprintf("LOGIN %q %q", user, password), "x OK [CAPABILITY ")
}

// line reads a line with its literals.
func (c *client) line() string {
	c.t.Helper()
	var all strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("after %q: %v", all.String()+line, err)
		}
		line = strings.TrimSuffix(line, "\r\n")
		all.WriteString(line)
		open := strings.LastIndexByte(line, '{')
		if open < 0 || !strings.HasSuffix(line, "}") {
			return all.String()
		}
		size, err := strconv.Atoi(line[open+1 : len(line)-1])
		if err != nil {
			return all.String()
		}
		literal := make([]byte, size)
		if _, err := io.ReadFull(c.r, literal); err != nil {
			c.t.Fatal(err)
		}
		all.WriteString("\n" + string(literal))
	}
}

// do sends a command and returns the response, whose last line is tagged.
func (c *client) do(command string) (lines []string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, "x "+command+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	for {
		line := c.line()
		if lines = append(lines, line); strings.HasPrefix(line, "x ") {
			return lines
		}
	}
}

// want sends a command. Each text must begin a line of the response, in this order, and a text that
// begins with "!" none. The last line must be tagged.
func (c *client) want(command string, texts ...string) {
	c.t.Helper()
	lines := c.do(command)
	left := lines
	for _, text := range texts {
		if absent, not := strings.CutPrefix(text, "!"); not {
			if slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, absent) }) {
				c.t.Errorf("%s: %q is in\n%s", command, absent, strings.Join(lines, "\n"))
			}
			continue
		}
		at := slices.IndexFunc(left, func(line string) bool { return strings.HasPrefix(line, text) })
		if at < 0 {
			c.t.Errorf("%s: %q is not in\n%s", command, text, strings.Join(lines, "\n"))
			return
		}
		left = left[at+1:]
	}
}

const multipart = "From: Anna <anna@example.org>\r\nTo: bert@example.org, friends: c@d;\r\nSubject: two\r\n parts\r\nDate: Fri, 1 Mar 2024 10:20:30 +0100\r\n" +
	"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: x@y\r\n\r\nhello\r\nyou\r\n" +
	"--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"BASE64--b--\r\nepilogue\r\n"

// message returns multipart with an attachment.
func message() string {
	return strings.Replace(multipart, "BASE64", string(archivetest.Base64(archivetest.RandomBytes(1, 30000)))+"\r\n", 1)
}

// sample archives an account, and returns it with its repository.
func sample(t testing.TB) (*repo.Repo, *storetest.Memory) {
	t.Helper()
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	inbox.Add("Subject: one\r\nFrom: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\n\r\nfirst\r\n", `\Seen`, "$Work")
	inbox.Add(message(), `\Flagged`)
	inbox.Add("no header at all")
	inbox.Add("")
	inbox.Add("Subject: five\r\n\r\nUID 5\r\n", `\Seen`, `\Deleted`)
	inbox.Expunge(1 + 2)
	a.Mailbox("Projects/Bridge").Add("Subject: b\r\n\r\nb\r\n")
	a.Mailbox("Entw&APw-rfe")
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	archivetest.Backup(t, r, a)
	return r, store
}

// A login names an account and perhaps a night. A wrong one is refused, and before it nothing is
// shown.
func TestLogin(t *testing.T) {
	r, _ := sample(t)
	address := serve(t, r, imapserver.Limits{Attempts: 2})
	c := dial(t, address)
	c.want("SELECT INBOX", "x BAD Log in first")
	c.want("CAPABILITY", "* CAPABILITY IMAP4rev1", "x OK")
	c.want("LOGIN "+account+" wrong", "x NO [AUTHENTICATIONFAILED]")
	c.want("LOGIN nobody \""+password+"\"", "x NO there is nothing to show: no account \"nobody\"")
	c.want("LOGIN "+account+"#2001-01-01 \""+password+"\"", "x NO there is nothing to show")
	c.want("LOGIN "+account+"#bad \""+password+"\"", "x NO there is nothing to show")
	c.want("LOGIN "+account+"#latest \""+password+"\"", "x OK [CAPABILITY")
	c.want("LOGIN "+account+" \""+password+"\"", "x BAD You are logged in")
	c.want("ID NIL", `* ID ("name" "mailstrata"`, "x OK")
	c.want("NAMESPACE", `* NAMESPACE (("" "/")) NIL NIL`, "x OK")
	c.want("LOGOUT", "* BYE", "x OK")

	for _, response := range []string{account + "\x00" + account, "\x00" + account} {
		response = base64.StdEncoding.EncodeToString([]byte(response + "\x00" + password))
		c = dial(t, address)
		c.want("AUTHENTICATE PLAIN "+response, "x OK")
		c = dial(t, address)
		io.WriteString(c.conn, "x AUTHENTICATE PLAIN\r\n")
		if line := c.line(); line != "+ " {
			t.Errorf("the server says %q", line)
		}
		io.WriteString(c.conn, response+"\r\n")
		if line := c.line(); !strings.HasPrefix(line, "x OK") {
			t.Errorf("the server says %q", line)
		}
	}
	c = dial(t, address)
	c.want("AUTHENTICATE PLAIN *", "x BAD")
	c.want("AUTHENTICATE PLAIN !", "x BAD")
	c.want("AUTHENTICATE CRAM-MD5", "x NO")
	c.want("LOGIN a b", "x NO")
	c.want("LOGIN a b", "x NO [AUTHENTICATIONFAILED]")
	if line := c.line(); !strings.HasPrefix(line, "* BYE") {
		t.Errorf("after two wrong passwords the server says %q", line)
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		t.Errorf("the connection goes on: %v", err)
	}
}

// LIST, STATUS and SELECT show the mailboxes of the night, read-only.
func TestMailboxes(t *testing.T) {
	r, _ := sample(t)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want(`LIST "" *`, `* LIST (\HasNoChildren) "/" Entw&APw-rfe`, `* LIST (\HasNoChildren) "/" INBOX`, `* LIST (\HasNoChildren) "/" Projects/Bridge`, "x OK")
	c.want(`LIST "" ""`, `* LIST (\Noselect) "/" ""`, "x OK")
	c.want(`LIST "" %`, `* LIST (\HasNoChildren) "/" INBOX`, `* LIST (\Noselect \HasChildren) "/" Projects`, "!* LIST (\\HasNoChildren) \"/\" Projects/B", "x OK")
	c.want(`LIST "Proj" inbox`, "!* LIST", "x OK")
	c.want(`LIST "" iNbOx`, `* LIST (\HasNoChildren) "/" INBOX`, "x OK")
	c.want(`LIST () "" (INBOX P*) RETURN (STATUS (MESSAGES))`, `* LIST (\HasNoChildren) "/" INBOX`, "* STATUS INBOX (MESSAGES 4)", "* LIST", "x OK")
	c.want("STATUS inbox (MESSAGES UIDNEXT UNSEEN RECENT SIZE)", fmt.Sprintf("* STATUS INBOX (MESSAGES 4 UIDNEXT 6 UNSEEN 2 RECENT 0 SIZE %d)", 92+len(message())), "x OK")
	c.want("STATUS nothing (MESSAGES)", "x NO [NONEXISTENT]")
	c.want("SELECT inbox", `* FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Work)`, "* 4 EXISTS", "* 0 RECENT", "* OK [UNSEEN 2]",
		"* OK [PERMANENTFLAGS ()]", "* OK [UIDNEXT 6]", "* OK [UIDVALIDITY ", "x OK [READ-ONLY]")
	c.want("SELECT nothing", "x NO")
	c.want("FETCH 1 FLAGS", "x BAD Select a mailbox first")
	c.want("EXAMINE {5+}\r\nINBOX", "x OK [READ-ONLY]")
	c.want("CLOSE", "x OK")
	c.want("CHECK", "x BAD")
}

// Everything that would write is refused with a sentence.
func TestWritesAreRefused(t *testing.T) {
	r, _ := sample(t)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want("SELECT INBOX", "x OK")
	for _, command := range []string{
		"STORE 1 +FLAGS (\\Seen)", "UID STORE 1 FLAGS ()", "COPY 1 Sent", "UID COPY 1 Sent", "MOVE 1 Sent", "UID MOVE 1 Sent", "CREATE x", "DELETE INBOX",
		"RENAME INBOX x", "SUBSCRIBE INBOX", "UNSUBSCRIBE INBOX", "APPEND INBOX {3}", "APPEND INBOX {3+}\r\nabc",
	} {
		c.want(command, "x NO [NOPERM] ")
	}
	c.want("EXPUNGE", "x OK")
	c.want("UID EXPUNGE 1", "x OK")
	c.want("FOO", "x BAD")
	c.want("FETCH 1 (", "x BAD")
	c.want("NOOP", "x OK")
	io.WriteString(c.conn, "x IDLE\r\n")
	if line := c.line(); !strings.HasPrefix(line, "+ ") {
		t.Errorf("the server says %q", line)
	}
	io.WriteString(c.conn, "done\r\n")
	if line := c.line(); !strings.HasPrefix(line, "x OK") {
		t.Errorf("the server says %q", line)
	}
}

// FETCH returns each item of a message as the archive has it.
func TestFetch(t *testing.T) {
	r, _ := sample(t)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want("SELECT INBOX", "x OK")
	whole := message()
	head, text, _ := strings.Cut(whole, "\r\n\r\n")
	head += "\r\n\r\n"
	pdf := whole[strings.Index(whole, "base64\r\n\r\n")+len("base64\r\n\r\n") : strings.Index(whole, "\r\n--b--")]
	inner := "Subject: inner\r\nFrom: x@y\r\n\r\nhello\r\nyou"
	literal := func(s string) string { return fmt.Sprintf("{%d}\n%s", len(s), s) }
	for command, want := range map[string]string{
		"FETCH 1 (UID FLAGS RFC822.SIZE INTERNALDATE)":     `* 1 FETCH (UID 1 FLAGS ($Work \Seen) RFC822.SIZE 68 INTERNALDATE " 9-Sep-2001 01:47:40 +0000")`,
		"UID FETCH 5 FLAGS":                                `* 4 FETCH (UID 5 FLAGS (\Deleted \Seen))`,
		"FETCH 1 BODY[]":                                   "* 1 FETCH (BODY[] " + literal("Subject: one\r\nFrom: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\n\r\nfirst\r\n") + ")",
		"FETCH 2 BODY.PEEK[]":                              "* 2 FETCH (BODY[] " + literal(whole) + ")",
		"FETCH 2 RFC822":                                   "* 2 FETCH (RFC822 " + literal(whole) + ")",
		"FETCH 2 RFC822.HEADER":                            "* 2 FETCH (RFC822.HEADER " + literal(head) + ")",
		"FETCH 2 (BODY[TEXT] UID)":                         "* 2 FETCH (BODY[TEXT] " + literal(text) + " UID 2)",
		"FETCH 2 BODY[HEADER]":                             "* 2 FETCH (BODY[HEADER] " + literal(head) + ")",
		"FETCH 2 BODY[]<5.10>":                             "* 2 FETCH (BODY[]<5> " + literal(whole[5:15]) + ")",
		"FETCH 2 BODY[]<0.99999999>":                       "* 2 FETCH (BODY[]<0> " + literal(whole) + ")",
		"FETCH 2 BODY[]<99999999.5>":                       "* 2 FETCH (BODY[]<99999999> " + literal("") + ")",
		"FETCH 2 BODY[TEXT]<3.4>":                          "* 2 FETCH (BODY[TEXT]<3> " + literal(text[3:7]) + ")",
		"FETCH 2 BODY[HEADER.FIELDS (subject \"X Y\")]":    "* 2 FETCH (BODY[HEADER.FIELDS (subject \"X Y\")] " + literal("Subject: two\r\n parts\r\n\r\n") + ")",
		"FETCH 2 BODY[HEADER.FIELDS (x)]":                  "* 2 FETCH (BODY[HEADER.FIELDS (x)] " + literal("\r\n") + ")",
		"FETCH 1 BODY[HEADER.FIELDS.NOT (From)]":           "* 1 FETCH (BODY[HEADER.FIELDS.NOT (From)] " + literal("Subject: one\r\n\r\n") + ")",
		"FETCH 2 BODY[1]":                                  "* 2 FETCH (BODY[1] " + literal("Gr=C3=BC=C3=9Fe") + ")",
		"FETCH 2 BODY[1]<3.4>":                             "* 2 FETCH (BODY[1]<3> " + literal("C3=B") + ")",
		"FETCH 2 BODY[1.MIME]":                             "* 2 FETCH (BODY[1.MIME] " + literal("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n") + ")",
		"FETCH 2 BODY[2]":                                  "* 2 FETCH (BODY[2] " + literal(inner) + ")",
		"FETCH 2 BODY[2.HEADER]":                           "* 2 FETCH (BODY[2.HEADER] " + literal("Subject: inner\r\nFrom: x@y\r\n\r\n") + ")",
		"FETCH 2 BODY[2.HEADER.FIELDS (FROM)]":             "* 2 FETCH (BODY[2.HEADER.FIELDS (FROM)] " + literal("From: x@y\r\n\r\n") + ")",
		"FETCH 2 BODY[2.TEXT]":                             "* 2 FETCH (BODY[2.TEXT] " + literal("hello\r\nyou") + ")",
		"FETCH 2 BODY[2.1]":                                "* 2 FETCH (BODY[2.1] " + literal("hello\r\nyou") + ")",
		"FETCH 2 BODY[3]":                                  "* 2 FETCH (BODY[3] " + literal(pdf) + ")",
		"FETCH 2 BODY[3]<100.2000>":                        "* 2 FETCH (BODY[3]<100> " + literal(pdf[100:2100]) + ")",
		"FETCH 2 BODY[4]":                                  "* 2 FETCH (BODY[4] NIL)",
		"FETCH 2 BODY[1.HEADER]":                           "* 2 FETCH (BODY[1.HEADER] NIL)",
		"FETCH 2 BODY[1.1]":                                "* 2 FETCH (BODY[1.1] NIL)",
		"FETCH 1 BODY[1]":                                  "* 1 FETCH (BODY[1] " + literal("first\r\n") + ")",
		"FETCH 1 BODY[2]":                                  "* 1 FETCH (BODY[2] NIL)",
		"FETCH 3 (BODY[] BODY[HEADER] BODY[TEXT] BODY[1])": `* 3 FETCH (BODY[] {0}` + "\n BODY[HEADER] {0}\n BODY[TEXT] {0}\n BODY[1] {0}\n)",
		"FETCH 3 (ENVELOPE)":                               "* 3 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))",
		"FETCH 3 BODY":                                     `* 3 FETCH (BODY ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0))`,
		"FETCH 1 ENVELOPE":                                 `* 1 FETCH (ENVELOPE (NIL "one" (("=?utf-8?q?J=C3=B6rg?=" NIL "j" "example.org")) (("=?utf-8?q?J=C3=B6rg?=" NIL "j" "example.org")) (("=?utf-8?q?J=C3=B6rg?=" NIL "j" "example.org")) NIL NIL NIL NIL NIL))`,
		"FETCH 2 ENVELOPE":                                 `* 2 FETCH (ENVELOPE ("Fri, 1 Mar 2024 10:20:30 +0100" "two parts" (("Anna" NIL "anna" "example.org")) (("Anna" NIL "anna" "example.org")) (("Anna" NIL "anna" "example.org")) ((NIL NIL "bert" "example.org")(NIL NIL "friends" NIL)(NIL NIL "c" "d")(NIL NIL NIL NIL)) NIL NIL NIL "<1@example.org>"))`,
		"FETCH 2 BODYSTRUCTURE": `* 2 FETCH (BODYSTRUCTURE (("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 15 0 NIL NIL NIL NIL)` +
			`("message" "rfc822" NIL NIL NIL "7bit" 39 (NIL "inner" ((NIL NIL "x" "y")) ((NIL NIL "x" "y")) ((NIL NIL "x" "y")) NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 1 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)` +
			fmt.Sprintf(`("application" "pdf" ("name" "a.pdf") NIL NIL "base64" %d NIL ("attachment" ("filename" "a.pdf")) NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL))`, len(pdf)),
	} {
		lines := c.do(command)
		if lines[0] != want || len(lines) != 2 || !strings.HasPrefix(lines[1], "x OK") {
			t.Errorf("%s\nhave %.1000q\nwant %.1000q", command, lines, want)
		}
	}
	c.want("FETCH 5 FLAGS", "x BAD There is no message")
	c.want("UID FETCH 99 FLAGS", "!* ", "x OK")
	c.want("UID FETCH 3:4,1 UID", "* 1 FETCH (UID 1)", "* 3 FETCH (UID 4)", "x OK")
	c.want("FETCH *:3 UID", "* 3 FETCH (UID 4)", "* 4 FETCH (UID 5)", "x OK")
}

// SEARCH finds messages by each of its keys.
func TestSearch(t *testing.T) {
	r, _ := sample(t)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want("SELECT INBOX", "x OK")
	for keys, want := range map[string]string{
		"ALL": " 1 2 3 4", "SEEN": " 1 4", "UNSEEN": " 2 3", "KEYWORD $work": " 1", "UNKEYWORD $Work UNFLAGGED": " 3 4", "DELETED SEEN": " 4",
		"OR FLAGGED DELETED": " 2 4", "NOT (SEEN DELETED)": " 1 2 3", "2:3": " 2 3", "UID 5": " 4", "NEW": "", "OLD": " 1 2 3 4",
		"LARGER 68": " 2", "SMALLER 68": " 3 4", "ON 9-Sep-2001": " 1 2 3 4", "BEFORE 9-Sep-2001": "", "SINCE 9-Sep-2001": " 1 2 3 4",
		"SENTON 1-Mar-2024": " 2", "SENTBEFORE 2-Mar-2024": " 2", "SENTSINCE 2-Mar-2024": "",
		"SUBJECT \"TWO PARTS\"": " 2", "FROM \"jörg\"": " 1", "FROM \"ｊöｒg\"": " 1", "TO bert": " 2", "HEADER message-id \"\"": " 2", "HEADER message-id 1@EX": " 2",
		"BODY \"grüße\"": " 2", "BODY hello": " 2", "BODY two": "", "TEXT two": " 2", "TEXT a.pdf": " 2", "NOT BODY first": " 2 3 4", "OR BODY first SEEN": " 1 4",
		"CHARSET UTF-8 BODY {8+}\r\nGRÜSSE": "", "CHARSET UTF-8 BODY {7+}\r\ngrüße": " 2", "CHARSET UTF-8 FROM {5+}\r\njörg": " 1",
	} {
		if lines := c.do("SEARCH " + keys); lines[0] != "* SEARCH"+want || len(lines) != 2 || !strings.HasPrefix(lines[1], "x OK") {
			t.Errorf("SEARCH %s: %q, want%s", keys, lines, want)
		}
	}
	c.want("UID SEARCH SEEN", "* SEARCH 1 5", "x OK")
	c.want("UID SEARCH RETURN (MIN MAX COUNT ALL) ALL", `* ESEARCH (TAG "x") UID MIN 1 MAX 5 COUNT 4 ALL 1:2,4:5`, "x OK")
	c.want("SEARCH RETURN () SEEN", `* ESEARCH (TAG "x") ALL 1,4`, "x OK")
	c.want("SEARCH RETURN (COUNT) NEW", `* ESEARCH (TAG "x") COUNT 0`, "x OK")
	c.want("SEARCH CHARSET KOI8-R ALL", "x NO [BADCHARSET (")
}
