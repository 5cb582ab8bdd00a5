package loopback_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/internal/loopback"
)

func TestIs(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.9.8.7": true, "::1": true,
		"": false, "localhost.": false, "localhost.mail.example": false, "127.0.0.1.mail.example": false,
		"10.0.0.1": false, "0.0.0.0": false, "::": false, "mail.example": false, "127.0.0.1:80": false, "[::1]": false,
	} {
		if got := loopback.Is(host); got != want {
			t.Errorf("Is(%q) = %t", host, got)
		}
	}
}
