package mail_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// A message with an attachment is split into parts and joined again.
func Example() {
	message := "Subject: plans\r\n\r\nSee the attachment.\r\n\r\n" + attachment(2000)

	var joined bytes.Buffer
	splitter, joiner := mail.NewSplitter(strings.NewReader(message)), mail.NewJoiner(&joined)
	for {
		part, err := splitter.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v, %d bytes\n", part.Kind(), len(data))

		if err := joiner.Begin(part.Kind(), part.Recipe()); err != nil {
			log.Fatal(err)
		}
		if _, err := joiner.Write(data); err != nil {
			log.Fatal(err)
		}
	}
	if err := joiner.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("lossless:", joined.String() == message)
	// Output:
	// header, 18 bytes
	// text, 23 bytes
	// base64, 2000 bytes
	// lossless: true
}

// attachment returns n bytes in base64, in lines of 76 characters.
func attachment(n int) string {
	var text strings.Builder
	encoded := base64.StdEncoding.EncodeToString(make([]byte, n))
	for len(encoded) > 0 {
		line := encoded[:min(76, len(encoded))]
		text.WriteString(line + "\r\n")
		encoded = encoded[len(line):]
	}
	return text.String()
}

func ExampleUIDSet() {
	set := mail.UIDs(1, 2, 3, 7)
	set.AddRange(mail.UIDRange{First: 100, Last: 1_000_000})
	fmt.Println(set, set.Len())

	seen, err := mail.ParseUIDSet("2:5")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Without(seen))
	// Output:
	// 1:3,7,100:1000000 999905
	// 1,7,100:1000000
}
