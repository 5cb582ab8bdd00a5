package imaprestore

import (
	"errors"
	"testing"

	"github.com/mailstrata/mailstrata/restore"
)

// A server may keep the messages before the one for which it refuses a batch. They are not sent
// again, also if the server shows them after a NOOP only.
func TestRefusedBatchIsKeptInPart(t *testing.T) {
	const add, list = `(\Seen)` + appended, "(UID FLAGS INTERNALDATE RFC822.SIZE)"
	f := opened(t, append(writable("MULTIAPPEND LITERAL+ UIDPLUS",
		`< APPEND "x" `+add, "<{14}", "< "+add, "<{14}", "<", "TAG NO not the second",
		"< NOOP", "* 1 EXISTS", "TAG OK x", "< UID FETCH 10:4294967295 "+list, overview(10)[0], "TAG OK done",
		"< UID FETCH 10 (UID BODY.PEEK[])", "* 1 FETCH (UID 10 BODY[] {14}\r\nSubject: 0\r\n\r\n)", "TAG OK x",
		`< APPEND "x" `+add, "<{14}", "<", "TAG OK [APPENDUID 7 11] done",
		"< UID FETCH 10:11 "+list), overview(10, 11)...))
	if results, err := addTo(t.Context(), f, some(2, `\Seen`)); err != nil || resultsOf(results) != "added; added" {
		t.Errorf("have %s, %v", resultsOf(results), err)
	}
}

// If each message costs the connection, the server is at fault: the restore ends, and does not wait
// some time for every message of an archive.
func TestEachMessageCostsTheConnection(t *testing.T) {
	lost := writable("LITERAL+ UIDPLUS", `< APPEND "x" `+appended[1:], "<{14}", "<", "!")
	looks := writable("LITERAL+ UIDPLUS", "< UID FETCH 10:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)", "TAG OK none",
		`< APPEND "x" `+appended[1:], "<{14}", "<", "!")
	scripts := []script{lost}
	for range maxDropped*maxAttempts - 1 {
		scripts = append(scripts, looks)
	}
	looked := writable("LITERAL+ UIDPLUS", "< UID FETCH 10:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)", "TAG OK none")
	f := opened(t, append(scripts, looked)...)
	for i, message := range some(maxDropped) {
		results, err := f.Append(t.Context(), []restore.Message{message})
		if last := i+1 == maxDropped; last != errors.Is(err, errDropped) || !last && results[0].Refused == nil {
			t.Errorf("message %d: have %s, %v", i+1, resultsOf(results), err)
		}
	}
}
