package maildir

// Layout says where folders are.
type Layout uint8

const (
	MaildirPP Layout = iota // Maildir++
	Nested                  // directories in directories
)

// EOL says how lines end in the files. Programs that read a Maildir expect LF; lines from IMAP end
// in CRLF.
type EOL uint8

const (
	Auto EOL = iota // LF if every line ends in CRLF and this is reversible, else AsIs
	LF              // LF for every CRLF
	AsIs            // the archived bytes
)

// Options say how a Maildir is written.
type Options struct {
	Layout Layout
	EOL    EOL
}
