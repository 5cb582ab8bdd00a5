// Package sheet makes the recovery sheet: a page to print, by which somebody who knows nothing of
// mailstrata gets the mail back. It has the key that opens the archive, as text and as a QR code,
// where the archive is, and what to type.
//
// Text is for any printer and for terminals, HTML for a browser, with the code as SVG. The page
// fetches nothing.
package sheet

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"

	"rsc.io/qr"
)

// Sheet is what is on the page.
type Sheet struct {
	Made        time.Time
	Accounts    []string
	Place       string // of the repository, as --repo takes it
	Also        string // what else is needed to reach it; a sentence
	Fingerprint string // of the repository; "": it is not known
	Key         string // the age identity that opens it; "": a passphrase does
}

// steps are what to do, and the command lines of a step.
type step struct {
	Text     string
	Commands []string
}

// Steps returns how to get the mail back.
func (s *Sheet) Steps() []step {
	flags := " --repo " + shellWord(s.Place)
	if s.Key != "" {
		flags += " --key-file key.txt"
	}
	if s.Fingerprint != "" {
		flags += " --trust " + s.Fingerprint
	}
	steps := []step{{Text: "Install mailstrata on any computer: https://github.com/mailstrata/mailstrata/releases"}}
	if s.Key != "" {
		steps = append(steps, step{Text: "Put the key below into a text file, key.txt: scan the square with a phone, or type the " +
			"text. It is one line without blanks."})
	}
	open := "In a terminal, in the directory of key.txt, list the backups."
	if s.Key == "" {
		open = "In a terminal, list the backups. mailstrata asks for the passphrase."
	}
	return append(steps,
		step{open, []string{"mailstrata list" + flags}},
		step{"Write all mail of the newest backup of each account to a ZIP file of single messages, which every mail program " +
			"opens. The list has the names of the accounts: if one of them is not below, put it in the place of another.",
			s.restores(flags)},
		step{"Or look at it in a browser.", []string{"mailstrata serve" + flags + " --open"}},
		step{Text: "If there is no mailstrata any more: its format is specified, and the script contrib/restore.py of its source " +
			"reads the archive with the programs age and zstd."})
}

// mostRestores is how many accounts the page has command lines for, so that it stays one page.
const mostRestores = 6

// restores returns the command lines that restore the accounts. Each names its account, also if it
// is the only one: others may be archived after the page was printed.
func (s *Sheet) restores(flags string) (lines []string) {
	accounts := s.Accounts[:min(len(s.Accounts), mostRestores)]
	if len(accounts) == 0 {
		accounts = []string{"ACCOUNT"}
	}
	for i, account := range accounts {
		file := "mail.zip"
		if i > 0 {
			file = fmt.Sprintf("mail-%d.zip", i+1)
		}
		lines = append(lines, "mailstrata restore "+shellWord(account+"@latest")+flags+" --to zip:"+file)
	}
	return lines
}

// shellWord quotes a word for a shell.
func shellWord(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("@%+=:,./-_~", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') &&
			(r < 'A' || r > 'Z')
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Intro says what the page is.
func (s *Sheet) Intro() string {
	opens := "This page has the key that opens it"
	if s.Key == "" {
		opens = "A passphrase opens it"
	}
	whose := "Mail"
	if len(s.Accounts) > 0 {
		whose = "The mail of " + strings.Join(s.Accounts, ", ")
	}
	return fmt.Sprintf("%s is archived with the program mailstrata. The archive is encrypted. %s: anybody who has that "+
		"and the archive can read the mail, and without it nobody can. Keep this page with your important papers, away from "+
		"the computer and from the archive.", whose, opens)
}

// Lines returns the key in lines that can be typed.
func (s *Sheet) Lines() (lines []string) {
	const most = 40
	for rest := s.Key; rest != ""; {
		n := min(most, len(rest))
		lines, rest = append(lines, rest[:n]), rest[n:]
	}
	return lines
}

// Day returns the date.
func (s *Sheet) Day() string { return s.Made.Format(time.DateOnly) }

// code returns the QR code of the key. Level M still reads with a seventh of it damaged.
func (s *Sheet) code() (*qr.Code, error) {
	code, err := qr.Encode(s.Key, qr.M)
	if err != nil {
		return nil, fmt.Errorf("make a QR code of the key: %w", err)
	}
	return code, nil
}

// quiet is the width of the margin of a code, in modules (ISO/IEC 18004, 9.1).
const quiet = 4

// SVG returns the code as a path, a square for each dark module.
func (s *Sheet) SVG() (template.HTML, error) {
	code, err := s.code()
	if err != nil {
		return "", err
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if begin := x; code.Black(x, y) {
				for code.Black(x, y) { // false beyond the edge
					x++
				}
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", begin+quiet, y+quiet, x-begin, x-begin)
			}
		}
	}
	side := code.Size + 2*quiet
	return template.HTML(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="QR code of the key">`+
		`<path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" shape-rendering="crispEdges" d="%s"/></svg>`, side, side, side, side, path.String())), nil
}

// page is the template of HTML.
//
//go:embed sheet.html
var page string

var pageTemplate = template.Must(template.New("sheet").Parse(page))

// HTML returns the page for a browser.
func (s *Sheet) HTML() (string, error) {
	var b strings.Builder
	err := pageTemplate.Execute(&b, s)
	return b.String(), err
}
