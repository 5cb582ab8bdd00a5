package imapclient

import (
	"fmt"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

// Very many subscriptions, each spelled in another way than its mailbox, take no time: to compare
// each with each takes many minutes.
func TestManySubscriptions(t *testing.T) {
	mailboxes := make([]mail.Mailbox, 100_000)
	names := make([]string, len(mailboxes))
	for i := range mailboxes {
		mailboxes[i].Raw = fmt.Sprintf("Entw&APw-rfe %06d", i)
		names[i] = fmt.Sprintf("Entwürfe %06d", i)
	}
	began := time.Now()
	dangling := naming{}.markSubscribed(mailboxes, names, func(string) bool { return true })
	if took := time.Since(began); took > time.Minute || len(dangling) > 0 || !mailboxes[99_999].Subscribed {
		t.Errorf("%v, %d dangling", took, len(dangling))
	}
}
