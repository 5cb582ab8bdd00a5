package extract_test

import (
	"context"
	"os"
	"testing"

	"github.com/mailstrata/mailstrata/mail/extract"
)

// BenchmarkMessage reads all messages of the directory MAILSTRATA_TEST_CORPUS.
func BenchmarkMessage(b *testing.B) {
	directory := os.Getenv("MAILSTRATA_TEST_CORPUS")
	if directory == "" {
		b.Skip("MAILSTRATA_TEST_CORPUS names no directory")
	}
	var messages [][]byte
	size := 0
	for _, file := range corpus(b, directory) {
		message, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		messages = append(messages, message)
		size += len(message)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, message := range messages {
			extract.Message(context.Background(), message, nil)
		}
	}
}
