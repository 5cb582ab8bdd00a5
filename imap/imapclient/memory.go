package imapclient

import "github.com/mailstrata/mailstrata/imap/internal/wire"

// Limits of the memory that the answer to one command takes.
const (
	maxHeld       = 32 << 20 // bytes of memory that the mailboxes of one listing take
	maxAttributes = 4 << 20  // bytes of memory that flags of one FETCH take, beyond usualMemory for each message

	usualMemory   = 256
	maxServerText = 255 // bytes of an id or a date: the archive keeps no more
)

// memoryCount counts the memory that the answer to a command takes.
type memoryCount struct{ bytes int64 }

func (h *memoryCount) add(bytes int, of string) error {
	if h.bytes += int64(bytes); h.bytes > maxHeld {
		return wire.Flood("more %s than fit into %d MiB", of, maxHeld>>20)
	}
	return nil
}

// memoryOf estimates the memory of a list of words.
func memoryOf(words []string) int {
	bytes := 0
	for _, word := range words {
		bytes += 32 + len(word)
	}
	return bytes
}
