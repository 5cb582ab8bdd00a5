package chunk_test

import (
	"bytes"
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/mailstrata/mailstrata/chunk"
)

// Two messages that share most of their bytes share most of their chunks, although the bytes moved.
func Example() {
	cutter, err := chunk.NewCutter(0x2bba1850b3347d) // of a repository: see RandomPolynomial
	if err != nil {
		log.Fatal(err)
	}
	var key chunk.Key // of a repository: 32 random bytes

	stored := make(map[chunk.ID]bool)
	archive := func(content []byte) (chunks, added int) {
		err := cutter.Cut(bytes.NewReader(content), func(data []byte) error {
			chunks++
			if id := key.Sum(data); !stored[id] {
				stored[id] = true
				added++
			}
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		return chunks, added
	}

	attachment := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(attachment)
	chunks, added := archive(attachment)
	fmt.Printf("%d chunks, all new: %t\n", chunks, chunks == added)

	chunks, added = archive(append([]byte("forwarded: "), attachment...))
	fmt.Printf("%d chunks, %d new\n", chunks, added)
	// Output:
	// 18 chunks, all new: true
	// 18 chunks, 1 new
}

func ExampleKey_Sum() {
	var key chunk.Key
	id := key.Sum([]byte("hello"))
	fmt.Println(id.Prefix())

	parsed, err := chunk.ParseID(id.String())
	fmt.Println(parsed == id, err)
	// Output:
	// e0f68bfec361216ec02fc15736643a70
	// true <nil>
}
