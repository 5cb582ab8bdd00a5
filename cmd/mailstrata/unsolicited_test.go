package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Some stores answer on a connection that carries no request, for example when they end it. The
// user does not see that.
func TestAnswerWithoutARequest(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go answerTwice(l)
	command := exec.Command("mailstrata", "list", "--repo", "s3:http://"+l.Addr().String()+"/bucket")
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_CACHE_HOME=",
		"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION=us-east-1")
	var printed bytes.Buffer
	command.Stderr = &printed
	if err := command.Run(); err == nil || strings.Contains(printed.String(), "nsolicited") || !strings.Contains(printed.String(), "not allowed today") {
		t.Errorf("%v, and this on standard error: %s", err, &printed)
	}
}

// answerTwice answers each request with a refusal, and once more, without a request.
func answerTwice(l net.Listener) {
	const refusal = "<Error><Code>AccessDenied</Code><Message>not allowed today</Message></Error>"
	answer := fmt.Sprintf("HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s", len(refusal), refusal)
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			requests := bufio.NewReader(conn)
			for {
				if _, err := http.ReadRequest(requests); err != nil {
					return
				}
				if _, err := conn.Write([]byte(answer + "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")); err != nil {
					return
				}
			}
		}()
	}
}
