package imapserver_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/serve/imapserver"
)

// A page in a browser can send requests to the port. No command in them is run.
func TestRequestsOfBrowsersEnd(t *testing.T) {
	r, _ := sample(t)
	address := serve(t, r, imapserver.Limits{})
	login := fmt.Sprintf("x LOGIN %q %q\r\n", account, password)
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + login, "GET /x HTTP/1.1\r\n" + login, "POST /{3+} HTTP/1.1\r\n" + login, "PUT x{99999} HTTP/1.1\r\n" + login,
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Minute))
		io.WriteString(conn, request)
		answer, _ := io.ReadAll(conn) // perhaps reset, because the rest of the request was not read
		if strings.Contains(string(answer), "x OK") || strings.Contains(string(answer), "x NO") || !strings.HasPrefix(string(answer), "* OK") {
			t.Errorf("%q is answered %q", request, answer)
		}
	}
}
