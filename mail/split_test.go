package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// piece is a part that was read to its end.
type piece struct {
	kind   PartKind
	recipe Recipe
	data   string
}

// String returns the piece without its bytes: "text 12", "base64 1026 in 76 crlf".
func (p piece) String() string {
	if p.kind != Base64Part {
		return fmt.Sprintf("%v %d", p.kind, len(p.data))
	}
	s := fmt.Sprintf("%v %d in %d lf", p.kind, len(p.data), p.recipe.LineLength)
	if p.recipe.CRLF {
		s = strings.TrimSuffix(s, "lf") + "crlf"
	}
	if p.recipe.Unterminated {
		s += " open"
	}
	return s
}

func describe(pieces []piece) string {
	var all []string
	for _, p := range pieces {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}

func split(t testing.TB, s *Splitter, r io.Reader) (pieces []piece) {
	t.Helper()
	s.Reset(r)
	for {
		part, err := s.Next()
		if err == io.EOF {
			return pieces
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, piece{part.Kind(), part.Recipe(), string(data)})
	}
}

func join(t testing.TB, pieces []piece, step int) string {
	t.Helper()
	var out bytes.Buffer
	j := NewJoiner(&out)
	for _, p := range pieces {
		if err := j.Begin(p.kind, p.recipe); err != nil {
			t.Fatal(err)
		}
		for chunk := range slices.Chunk([]byte(p.data), step) {
			if _, err := j.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// reference splits a message that is in memory, in a simple and slow way. The Splitter must return
// the same parts.

var (
	referenceHeader = regexp.MustCompile(`(?s)\A(\r?\n|.*?\n\r?\n)`)
	referenceLine   = regexp.MustCompile(`\A[A-Za-z0-9+/]+\z`)
)

func reference(message string) (pieces []piece) {
	header := len(referenceHeader.FindString(message[:min(len(message), MaxHeader)]))
	if header == 0 && len(message) < MaxHeader {
		header = len(message)
	}
	if header > 0 {
		pieces = append(pieces, piece{kind: HeaderPart, data: message[:header]})
	}
	var text strings.Builder
	endText := func() {
		if text.Len() > 0 {
			pieces = append(pieces, piece{kind: TextPart, data: text.String()})
			text.Reset()
		}
	}
	lines := strings.SplitAfter(message[header:], "\n")
	runs := 0
	for i := 0; i < len(lines); {
		recipe, n := referenceRun(lines[i:])
		if run := strings.Join(lines[i:i+n], ""); len(run) >= MinRun && runs < MaxRuns {
			decoded, err := base64.StdEncoding.DecodeString(run)
			if err != nil {
				panic(err)
			}
			endText()
			pieces = append(pieces, piece{Base64Part, recipe, string(decoded)})
			runs++
			i += n
			continue
		}
		text.WriteString(lines[i])
		i++
	}
	endText()
	return pieces
}

// referenceRun returns how many of the lines are a run.
func referenceRun(lines []string) (recipe Recipe, n int) {
	text, ending := referenceEnding(lines[0])
	length := len(text)
	if ending == "" || length%4 != 0 || length > MaxLineLength {
		return Recipe{}, 0
	}
	recipe = Recipe{LineLength: uint16(length), CRLF: ending == "\r\n"}
	for _, line := range lines {
		text, own := referenceEnding(line)
		if own != ending || len(text) != length || !referenceLine.MatchString(text) {
			break
		}
		n++
	}
	if n == 0 || n == len(lines) {
		return recipe, n
	}
	text, own := referenceEnding(lines[n])
	decoded, err := base64.StdEncoding.DecodeString(text)
	canonical := err == nil && base64.StdEncoding.EncodeToString(decoded) == text
	if (own == ending || own == "") && text != "" && len(text) <= length && canonical {
		recipe.Unterminated = own == ""
		n++
	}
	return recipe, n
}

func referenceEnding(line string) (text, ending string) {
	for _, ending := range []string{"\r\n", "\n"} {
		if text, found := strings.CutSuffix(line, ending); found {
			return text, ending
		}
	}
	return line, ""
}

// lines64 returns n bytes that look random, in lines of base64.
func lines64(n, length int, ending string) string {
	random := rand.NewChaCha8([32]byte{byte(n), byte(length)})
	data := make([]byte, n)
	random.Read(data)
	var out strings.Builder
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(data)), length) {
		out.Write(line)
		out.WriteString(ending)
	}
	return out.String()
}

const (
	header = "Subject: x\n\n"
	crlf   = "Subject: x\r\n\r\n"
	// wrong is a line that ends a run and begins none.
	wrong = "--boundary--\n"
)

// splitTests are examples of the split, and the seeds for fuzzing.
var splitTests = []struct {
	name, message, want string
}{
	{"empty message", "", ""},
	{"empty line only", "\n", "header 1"},
	{"empty CRLF line only", "\r\n", "header 2"},
	{"begins with the empty line", "\nbody", "header 1, text 4"},
	{"CR alone", "\r", "header 1"},
	{"bare CRs are no empty line", "a: b\r\r\nc", "header 8"},
	{"LF CR LF is one", "a: b\n\r\nc", "header 7, text 1"},
	{"no empty line", "a: b\r\nc: d", "header 10"},
	{"header only", crlf, "header 14"},
	{"header and text", crlf + "hello\r\n", "header 14, text 7"},
	{"NULs", "a: \x00\n\n\x00\x00\n\x00", "header 6, text 4"},
	{"header just below the limit", strings.Repeat("h", MaxHeader-1), "header 262143"},
	{"no header within the limit", strings.Repeat("h", MaxHeader), "text 262144"},
	{"empty line as the limit ends", strings.Repeat("h", MaxHeader-2) + "\n\nb", "header 262144, text 1"},
	{"empty line across the limit", strings.Repeat("h", MaxHeader-2) + "\n\r\nb", "text 262146"},
	{"empty line after the limit", strings.Repeat("h: v\n", MaxHeader/5+1) + "\nb", "text 262147"},
	{"run in a body without header", strings.Repeat("h: v\n", MaxHeader/5+1) + lines64(1500, 76, "\n") + wrong,
		"text 262145, base64 1500 in 76 lf, text 13"},

	{"a run alone", header + lines64(1000, 76, "\n"), "header 12, base64 1000 in 76 lf"},
	{"CRLF", crlf + lines64(1000, 76, "\r\n") + wrong, "header 14, base64 1000 in 76 crlf, text 13"},
	{"LF after a CRLF header", crlf + lines64(1000, 60, "\n"), "header 14, base64 1000 in 60 lf"},
	{"text before and after", header + wrong + lines64(1000, 76, "\n") + wrong, "header 12, text 13, base64 1000 in 76 lf, text 13"},
	{"the shortest lines", header + lines64(1000, 4, "\n"), "header 12, base64 1000 in 4 lf"},
	{"the longest lines", header + lines64(3000, 996, "\r\n"), "header 12, base64 3000 in 996 crlf"},
	{"lines too long", header + lines64(3000, 1000, "\n"), "header 12, text 4004"},
	{"lines of no multiple of 4", header + lines64(3000, 74, "\n"), "header 12, text 4055"},
	{"1023 bytes", header + strings.Repeat("QUJDREVGR0hJ\n", 78) + "QUJDREVG\n" + wrong, "header 12, text 1036"},
	{"1024 bytes", header + strings.Repeat(strings.Repeat("QUJD", 13)+"\n", 19) + "QUJDQUJDQUJDQUJD\n" + wrong,
		"header 12, base64 753 in 52 lf, text 13"},
	{"1024 bytes, open", header + strings.Repeat("QUJDQUJDQUJDQUJD\n", 60) + "QUJD", "header 12, base64 723 in 16 lf open"},

	{"last line full", header + lines64(57*20, 76, "\n"), "header 12, base64 1140 in 76 lf"},
	{"last line full with padding", header + lines64(57*20-1, 76, "\n"), "header 12, base64 1139 in 76 lf"},
	{"last line full, open", header + strings.TrimSuffix(lines64(57*20, 76, "\r\n"), "\r\n"), "header 12, base64 1140 in 76 crlf open"},
	{"last line padded and full, open", header + strings.TrimSuffix(lines64(57*20-2, 76, "\n"), "\n"), "header 12, base64 1138 in 76 lf open"},
	{"last line short, open", header + strings.TrimSuffix(lines64(1000, 76, "\n"), "\n"), "header 12, base64 1000 in 76 lf open"},
	{"message ends in CR", header + lines64(57*20, 76, "\r\n") + "QUJD\r", "header 12, base64 1140 in 76 crlf, text 5"},
	{"last line in the other ending", header + lines64(57*20, 76, "\r\n") + "QUJD\n", "header 12, base64 1140 in 76 crlf, text 5"},
	{"last line in CRLF", header + lines64(57*20, 76, "\n") + "QUJD\r\n", "header 12, base64 1140 in 76 lf, text 6"},
	{"bits that encode nothing", header + lines64(57*20, 76, "\n") + "QUJDRR==\n", "header 12, base64 1140 in 76 lf, text 9"},
	{"padding is missing", header + lines64(57*20, 76, "\n") + "QUJDRA=\n", "header 12, base64 1140 in 76 lf, text 8"},
	{"three pads", header + lines64(57*20, 76, "\n") + "Q===\n", "header 12, base64 1140 in 76 lf, text 5"},
	{"pads alone", header + lines64(57*20, 76, "\n") + "====\n", "header 12, base64 1140 in 76 lf, text 5"},
	{"a word after the run", header + lines64(57*20, 76, "\n") + "Word\nand more\n", "header 12, base64 1143 in 76 lf, text 9"},
	{"blank lines after the run", header + lines64(57*20, 76, "\n") + "\n\n", "header 12, base64 1140 in 76 lf, text 2"},

	{"two runs, the first ends short", header + lines64(1000, 76, "\n") + lines64(1000, 76, "\n"),
		"header 12, base64 1000 in 76 lf, base64 1000 in 76 lf"},
	{"two runs, the first ends in a pad", header + lines64(57*20-1, 76, "\n") + lines64(1000, 76, "\n"),
		"header 12, base64 1139 in 76 lf, base64 1000 in 76 lf"},
	{"two runs of two endings", header + lines64(57*20, 76, "\n") + lines64(57*20, 76, "\r\n"),
		"header 12, base64 1140 in 76 lf, base64 1140 in 76 crlf"},
	{"two runs of two lengths", header + lines64(57*20, 76, "\n") + lines64(54*20, 72, "\n") + lines64(57*20, 76, "\n"),
		"header 12, base64 1194 in 76 lf, base64 1026 in 72 lf, base64 1140 in 76 lf"},
	{"a longer line before", header + lines64(75, 100, "\n") + lines64(57*20, 76, "\n"),
		"header 12, text 101, base64 1140 in 76 lf"},
	{"a shorter line before", header + "QUJD\n" + lines64(57*20, 76, "\n"), "header 12, text 5, base64 1140 in 76 lf"},
	{"'=' in the middle", header + lines64(57*20, 76, "\n") + "QQ==QUJD\n" + lines64(57*20, 76, "\n"),
		"header 12, base64 1140 in 76 lf, text 9, base64 1140 in 76 lf"},
	{"trailing blanks", header + lines64(1500, 76, " \n"), "header 12, text 2054"},
	{"stray CR", header + strings.Repeat("QUJD\rQUJ\n", 200), "header 12, text 1800"},
	{"CR CR LF", header + lines64(1500, 76, "\r\r\n"), "header 12, text 2081"},
	{"NUL in a run", header + lines64(57*20, 76, "\n") + "QUJ\x00\n", "header 12, base64 1140 in 76 lf, text 5"},

	{"a line of 1 MB", header + strings.Repeat("A", 1<<20), "header 12, text 1048576"},
	{"a run after a line of 1 MB", header + strings.Repeat("A", 1<<20) + "\n" + lines64(57*20, 76, "\n") + "\n",
		"header 12, text 1048577, base64 1140 in 76 lf, text 1"},
	{"what looks like a run within a long line", header + strings.Repeat("A", 70<<10) + strings.Repeat("\rQUJD", 300), "header 12, text 73180"},
	{"a run over many buffers", header + lines64(300_000, 76, "\r\n") + wrong, "header 12, base64 300000 in 76 crlf, text 13"},
	{"a run across the end of a buffer", header + strings.Repeat("x\n", 32<<10-400) + lines64(2000, 76, "\n") + wrong,
		"header 12, text 64736, base64 2000 in 76 lf, text 13"},
	{"300 runs", header + strings.Repeat(lines64(1000, 76, "\n")+"\n", 300),
		"header 12" + strings.Repeat(", base64 1000 in 76 lf, text 1", 255) + ", base64 1000 in 76 lf, text 59621"},
}

// A message has the parts that it should have, and they join to the same bytes.
func TestSplit(t *testing.T) {
	s := NewSplitter(nil)
	for _, test := range splitTests {
		t.Run(test.name, func(t *testing.T) {
			pieces := split(t, s, strings.NewReader(test.message))
			if got := describe(pieces); got != test.want {
				t.Errorf("parts are:\n%s\nwant:\n%s", got, test.want)
			}
			checkSplit(t, s, test.message)
		})
	}
}

// These never change: they are the examples of docs/format.md.
func TestFrozenVectors(t *testing.T) {
	abc := strings.Repeat("QUJD", 19) // 57 bytes, "ABC" 19 times
	for _, vector := range []struct {
		message string
		want    []piece
	}{
		{"a: b\r\n\r\nHello\r\n", []piece{
			{HeaderPart, Recipe{}, "a: b\r\n\r\n"},
			{TextPart, Recipe{}, "Hello\r\n"},
		}},
		{"a: b\r\n\r\n" + strings.Repeat(abc+"\r\n", 14) + "QQ==\r\n--x--\r\n", []piece{
			{HeaderPart, Recipe{}, "a: b\r\n\r\n"},
			{Base64Part, Recipe{LineLength: 76, CRLF: true}, strings.Repeat("ABC", 266) + "A"},
			{TextPart, Recipe{}, "--x--\r\n"},
		}},
		{"\nx\n" + strings.Repeat(abc+"\n", 13) + abc, []piece{
			{HeaderPart, Recipe{}, "\n"},
			{TextPart, Recipe{}, "x\n"},
			{Base64Part, Recipe{LineLength: 76, Unterminated: true}, strings.Repeat("ABC", 266)},
		}},
		{"a: b\n\n" + strings.Repeat(abc+"\n", 14) + "QR==\n", []piece{
			{HeaderPart, Recipe{}, "a: b\n\n"},
			{Base64Part, Recipe{LineLength: 76}, strings.Repeat("ABC", 266)},
			{TextPart, Recipe{}, "QR==\n"}, // "QQ==" would be canonical
		}},
	} {
		if got := split(t, NewSplitter(nil), strings.NewReader(vector.message)); !slices.Equal(got, vector.want) {
			t.Errorf("%q:\nparts are %q,\nwant %q", vector.message, got, vector.want)
		}
		if got := join(t, vector.want, 1); got != vector.message {
			t.Errorf("parts join to %q,\nwant %q", got, vector.message)
		}
	}
}

// checkSplit checks everything that holds for the parts of every message.
func checkSplit(t *testing.T, s *Splitter, message string) {
	t.Helper()
	pieces := split(t, s, strings.NewReader(message))
	for _, step := range []int{1 << 20, 1000, 1} {
		if join(t, pieces, step) != message {
			t.Fatalf("not lossless when joined by %d bytes", step)
		}
	}
	if want := reference(message); !slices.Equal(pieces, want) {
		t.Fatalf("parts are:\n%s\nthe reference has:\n%s", describe(pieces), describe(want))
	}
	for name, wrap := range fragmentations {
		if got := split(t, s, wrap(strings.NewReader(message))); !slices.Equal(got, pieces) {
			t.Fatalf("read by %s, parts are:\n%s\nwant:\n%s", name, describe(got), describe(pieces))
		}
	}
	if len(pieces) > MaxParts {
		t.Fatalf("%d parts", len(pieces))
	}
	for i, p := range pieces {
		if p.data == "" || i > 0 && p.kind == HeaderPart || i > 0 && p.kind == TextPart && pieces[i-1].kind == TextPart {
			t.Fatalf("part %d is impossible: %s", i, describe(pieces))
		}
		if valid := p.recipe.Check() == nil; valid != (p.kind == Base64Part) || p.recipe.Unterminated && i < len(pieces)-1 {
			t.Fatalf("part %d has an impossible recipe: %s", i, describe(pieces))
		}
	}
}

var fragmentations = map[string]func(io.Reader) io.Reader{
	"one byte":      iotest.OneByteReader,
	"halves":        iotest.HalfReader,
	"data with EOF": iotest.DataErrReader,
	"odd sizes":     func(r io.Reader) io.Reader { return &oddReader{r, 0} },
}

// oddReader returns reads of random sizes, including 0.
type oddReader struct {
	r io.Reader
	n int
}

func (o *oddReader) Read(b []byte) (int, error) {
	o.n = (o.n*31 + 7) % 4099
	return o.r.Read(b[:min(len(b), o.n)])
}

// The parts of every message join to the same bytes.
func FuzzSplit(f *testing.F) {
	for _, test := range splitTests {
		if len(test.message) < 100<<10 { // the mutator is slow on larger ones
			f.Add(test.message, uint8(0))
			f.Add(test.message, uint8(40))
		}
	}
	f.Add(crlf+strings.Repeat("QUJDREVG\r\n", 10), uint8(200))
	s := NewSplitter(nil)
	f.Fuzz(func(t *testing.T, message string, times uint8) {
		// A mutated line is rarely a run, so the last line is repeated.
		line := message[strings.LastIndexByte(strings.TrimSuffix(message, "\n"), '\n')+1:]
		if len(line) < 2000 {
			message += strings.Repeat(line, int(times))
		}
		checkSplit(t, s, message)
	})
}

// Next skips the rest of a part and returns the next one unchanged.
func TestNextSkipsTheRest(t *testing.T) {
	message := header + wrong + lines64(50_000, 76, "\n") + wrong + lines64(1000, 60, "\r\n")
	want := "header 12, text 13, base64 50000 in 76 lf, text 13, base64 1000 in 60 crlf"
	pieces := split(t, NewSplitter(nil), strings.NewReader(message))
	if describe(pieces) != want {
		t.Fatal(describe(pieces))
	}
	s := NewSplitter(strings.NewReader(message))
	for i, p := range pieces {
		part, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		start, err := io.ReadAll(io.LimitReader(part, int64(i*3)))
		if err != nil || !strings.HasPrefix(p.data, string(start)) || part.Kind() != p.kind {
			t.Errorf("part %d begins with %q (%v)", i, start, err)
		}
	}
	for range 2 {
		if _, err := s.Next(); err != io.EOF {
			t.Errorf("after the last part: %v", err)
		}
	}
}

// A failed reader must not look like the end of the message.
func TestReadErrorsAreReturned(t *testing.T) {
	message := header + wrong + lines64(200_000, 76, "\n")
	for _, broken := range []error{errors.New("connection reset"), io.ErrUnexpectedEOF} {
		for _, n := range []int{0, 5, 100, 5000, 100_000} {
			s := NewSplitter(io.MultiReader(strings.NewReader(message[:n]), iotest.ErrReader(broken)))
			var err error
			for err == nil {
				var part *Part
				if part, err = s.Next(); err == nil {
					_, err = io.Copy(io.Discard, part)
				}
			}
			if err != broken {
				t.Errorf("after %d bytes: %v, want %v", n, err, broken)
			}
		}
	}
	if _, err := NewSplitter(idleReader{}).Next(); err != io.ErrNoProgress {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// Memory is bounded for every message, because no part is in memory as a whole.
func TestSplitAllocatesNothing(t *testing.T) {
	message := header + strings.Repeat("text of a message\n", 10_000) + lines64(500_000, 76, "\r\n") + strings.Repeat("A", 1<<20)
	s, r, buf := NewSplitter(nil), strings.NewReader(""), make([]byte, 4096)
	splitAll := func() {
		r.Reset(message)
		s.Reset(r)
		for {
			part, err := s.Next()
			if err != nil {
				return
			}
			for err == nil {
				_, err = part.Read(buf)
			}
		}
	}
	if n := testing.AllocsPerRun(3, splitAll); n > 1 { // the decoder's error at the end of a run
		t.Errorf("%v allocations", n)
	}
}

func benchmarkMessages() map[string]string {
	prose := "The quick brown fox jumps over the lazy dog, and writes home about it at length.\r\n"
	return map[string]string{
		"text":   crlf + strings.Repeat(prose, 4<<20/len(prose)),
		"base64": crlf + lines64(3<<20, 76, "\r\n"),
		"small":  crlf + strings.Repeat(prose, 30),
		"mixed":  crlf + strings.Repeat(strings.Repeat(prose, 20)+lines64(5000, 76, "\r\n"), 100),
	}
}

func BenchmarkSplit(b *testing.B) {
	for name, message := range benchmarkMessages() {
		b.Run(name, func(b *testing.B) {
			s, r, buf := NewSplitter(nil), strings.NewReader(""), make([]byte, 64<<10)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(message)
				s.Reset(r)
				for {
					part, err := s.Next()
					if err != nil {
						break
					}
					for err == nil {
						_, err = part.Read(buf)
					}
				}
			}
		})
	}
}

func BenchmarkJoin(b *testing.B) {
	for name, message := range benchmarkMessages() {
		b.Run(name, func(b *testing.B) {
			pieces := split(b, NewSplitter(nil), strings.NewReader(message))
			j := NewJoiner(nil)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				j.Reset(io.Discard)
				for _, p := range pieces {
					j.Begin(p.kind, p.recipe)
					io.Copy(j, strings.NewReader(p.data))
				}
				if err := j.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
