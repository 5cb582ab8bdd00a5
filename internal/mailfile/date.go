package mailfile

import (
	"bytes"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
)

// Arrived returns when a message arrived, by its header: the date of the first field Received, or
// that of the field Date. ok is false if it has neither.
func Arrived(head []byte) (date mail.Date, ok bool) {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if at := bytes.Index(head, []byte(end)); at >= 0 {
			head = head[:at+1]
		}
	}
	var texts []string
	if received := header.Text(head, "Received"); received != "" {
		texts = append(texts, received[strings.LastIndexByte(received, ';')+1:])
	}
	for _, text := range append(texts, header.Text(head, "Date")) {
		t, err := netmail.ParseDate(strings.TrimSpace(text))
		if err == nil && t.Year() >= 1970 && t.Before(time.Now().AddDate(1, 0, 0)) {
			_, offset := t.Zone()
			return mail.Date{Seconds: t.Unix(), Zone: int16(offset / 60)}, true
		}
	}
	return mail.Date{}, false
}
