package manifest_test

import (
	"fmt"
	"log"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// A run records one mailbox of three messages. The next run records that one message got a flag.
func Example() {
	chunks := make(map[chunk.ID][]byte) // a repository
	put := func(data []byte) (chunk.ID, error) {
		id := chunk.Key{}.Sum(data)
		chunks[id] = data
		return id, nil
	}
	load := func(id chunk.ID) ([]byte, error) { return chunks[id], nil }

	added := func(yield func(manifest.Entry, error) bool) {
		for uid := mail.UID(1); uid <= 3; uid++ {
			content := chunk.Key{}.Sum(fmt.Appendf(nil, "message %d", uid))
			record := manifest.Record{
				UID: uid, Size: 9, Hash: content,
				Parts: []manifest.Part{{Kind: mail.TextPart, Chunks: []chunk.ID{content}}},
			}
			if !yield(manifest.Entry{Record: record}, nil) {
				return
			}
		}
	}
	inbox := manifest.Mailbox{Mailbox: mail.Mailbox{Raw: "INBOX", Name: "INBOX"}}
	if err := inbox.Fill(nil, manifest.Changes{Added: added}, load, put); err != nil {
		log.Fatal(err)
	}
	fmt.Println(inbox.Messages, "messages,", len(chunks), "chunks")

	later := inbox
	seen := &manifest.FlagSet{Flags: mail.NewFlags(`\Seen`)}
	changes := manifest.Changes{Flags: map[mail.UID]*manifest.FlagSet{2: seen}}
	if err := later.Fill(&inbox, changes, load, put); err != nil {
		log.Fatal(err)
	}
	fmt.Println(later.Messages, "messages,", len(chunks), "chunks: only the flag page is new")

	for entry, err := range later.Entries(load) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.UID, entry.Flags)
	}
	// Output:
	// 3 messages, 2 chunks
	// 3 messages, 3 chunks: only the flag page is new
	// 1 []
	// 2 [\Seen]
	// 3 []
}

// A manifest is encoded for its object and parsed again.
func ExampleManifest() {
	start := time.Date(2026, 3, 9, 2, 0, 0, 0, time.UTC)
	m := &manifest.Manifest{
		Account: "home", Source: "imaps://jo@mail.example", Program: "mailstrata 0.1",
		Start: start, End: start.Add(5 * time.Second), Deadline: start.Add(12 * time.Hour),
		State: manifest.Complete,
	}
	mailboxes := []manifest.Mailbox{{Mailbox: mail.Mailbox{Raw: "INBOX", Name: "INBOX"}}}
	noTables := func([]byte) (chunk.ID, error) { return chunk.ID{}, nil } // few mailboxes are inline
	if err := m.SetMailboxes(mailboxes, noTables); err != nil {
		log.Fatal(err)
	}

	object, err := m.EncodeAt(start.Add(6 * time.Second))
	if err != nil {
		log.Fatal(err)
	}
	parsed, err := manifest.Parse(object)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(parsed.Account, parsed.State, parsed.Totals.Mailboxes, parsed.Mailboxes[0].Name)

	_, err = manifest.Parse(append(object, 0))
	fmt.Println(err)
	// Output:
	// home complete 1 INBOX
	// manifest: malformed: cbor: 1 bytes of extraneous data starting at index 109
}
