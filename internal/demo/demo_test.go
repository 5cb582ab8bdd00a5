package demo

import (
	"bufio"
	"bytes"
	"net"
	"net/mail"
	"strings"
	"testing"
)

// The samples are letters that answer letters which are there, and come out the same each time.
func TestSamples(t *testing.T) {
	ids := make(map[string]bool)
	n := 0
	again := make(map[string]bool)
	for mailbox, message := range Samples() {
		again[mailbox+string(message.Body)] = true
	}
	for mailbox, message := range Samples() {
		n++
		if !again[mailbox+string(message.Body)] {
			t.Errorf("message %d came out otherwise", n)
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(message.Body))
		if err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		if answers := parsed.Header.Get("In-Reply-To"); answers != "" && !ids[answers] {
			t.Errorf("message %d answers %s, which was not sent yet", n, answers)
		}
		ids[parsed.Header.Get("Message-ID")] = true
		if bare := strings.ReplaceAll(string(message.Body), "\r\n", ""); strings.ContainsAny(bare, "\r\n") {
			t.Errorf("message %d has a line that does not end in CRLF", n)
		}
	}
	if n != 30 || len(ids) != n {
		t.Errorf("%d messages with %d ids", n, len(ids))
	}
}

// The server is a real one: it answers over a socket, and is gone when it is closed.
func TestServer(t *testing.T) {
	server, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	account, err := server.AddAccount("anna", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := Fill(account); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", server.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	ask := func(command, want string) {
		t.Helper()
		if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("%s: no answer with %q", command, want)
	}
	ask("a1 LOGIN anna wrong", "a1 NO [AUTHENTICATIONFAILED]")
	ask("a2 LOGIN anna secret", "a2 OK")
	ask(`a3 STATUS "Projects/Bridge" (MESSAGES)`, "MESSAGES 8")
	account.Poison("INBOX", 2)
	ask("a4 EXAMINE INBOX", "a4 OK")
	ask("a5 UID FETCH 1 BODY.PEEK[]", "a5 OK")
	ask("a6 UID FETCH 1:3 BODY.PEEK[]", "a6 NO")
	if err := account.Lose(Lost); err != nil {
		t.Fatal(err)
	}
	ask(`a7 STATUS "Projects/Bridge" (MESSAGES)`, "a7 NO")
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", server.Address()); err == nil {
		t.Error("a closed server can still be reached")
	}
}
