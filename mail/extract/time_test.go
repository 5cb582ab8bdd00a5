package extract_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/mail/extract"
)

// slowDocuments takes half a minute for each document.
type slowDocuments struct{}

func (slowDocuments) Reads(string, string) bool { return true }

func (slowDocuments) Text(context.Context, string, string, []byte, int) (string, error) {
	time.Sleep(30 * time.Second)
	return "text", nil
}

// A message with very many documents that each take long does not take hours.
func TestDocumentsTakeAMaximumOfTime(t *testing.T) {
	message := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: application/pdf\r\n\r\nx\r\n", 1000) + "--b--\r\n"
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		text := extract.Message(t.Context(), []byte(message), slowDocuments{})
		if took := time.Since(begin); took != extract.MaxTime {
			t.Errorf("it takes %v", took)
		}
		if len(text.Attachments) != 1000 || text.Attachments[19].Text != "text" || !errors.Is(text.Attachments[20].Err, extract.ErrTime) {
			t.Errorf("the documents after %v are not left out, or too many are", extract.MaxTime)
		}
	})
}
