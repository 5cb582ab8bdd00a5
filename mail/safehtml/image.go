package safehtml

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	// MaxImage is the largest number of bytes of an image that is shown within a document.
	MaxImage = 8 << 20
	// maxImages bounds the bytes of data: URLs in a result.
	maxImages = 16 << 20
)

// image writes an image of the message, or a note in the place of any other.
func (s *sanitizer) image(attrs attributes) {
	source := strings.TrimSpace(attrs["src"])
	data := ""
	scheme, rest, _ := strings.Cut(source, ":")
	switch strings.ToLower(scheme) {
	case "cid":
		data = s.inline(rest)
	case "data":
		data = decodeData(rest)
	}
	if data == "" || s.inlined+len(data) > maxImages {
		s.note(source, attrs)
		return
	}
	s.inlined += len(data)
	var b strings.Builder
	b.WriteString("<img")
	writeAttribute(&b, "src", data)
	b.WriteString(attrs.allowed(atom.Img))
	b.WriteByte('>')
	s.write(b.String())
}

// inline returns the data: URL of an image of the message.
func (s *sanitizer) inline(reference string) string {
	id, err := url.PathUnescape(reference)
	if err != nil || s.refs.Image == nil || len(id) > maxURL {
		return ""
	}
	data, known := s.images[id]
	if !known {
		data = dataURL(s.refs.Image(id))
		if s.images == nil {
			s.images = map[string]string{}
		}
		s.images[id] = data
	}
	return data
}

// decodeData returns the data: URL of an image that the document has in itself.
func decodeData(data string) string {
	kind, content, _ := strings.Cut(data, ",")
	if !strings.HasSuffix(strings.ToLower(strings.TrimSpace(kind)), ";base64") || len(content) > MaxImage/3*4+4 {
		return ""
	}
	content = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '=' {
			return -1
		}
		return r
	}, content)
	decoded, err := base64.RawStdEncoding.DecodeString(content)
	if err != nil {
		return ""
	}
	return dataURL(decoded)
}

// dataURL returns the data: URL of an image, or nothing if it is of another kind than these four,
// or too large. Its own bytes say what it is, and not the sender: an SVG image is a document.
func dataURL(image []byte) string {
	kind := imageType(image)
	if kind == "" || len(image) > MaxImage {
		return ""
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(image)
}

func imageType(image []byte) string {
	switch {
	case bytes.HasPrefix(image, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(image, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(image, []byte("GIF87a")), bytes.HasPrefix(image, []byte("GIF89a")):
		return "image/gif"
	case len(image) > 12 && string(image[:4]) == "RIFF" && string(image[8:12]) == "WEBP":
		return "image/webp"
	}
	return ""
}

// noteStyle makes a note look like the place of an image. In the cell of an icon, which is narrower
// than a word, it is cut: it neither covers what is beside it, nor breaks after each letter.
const noteStyle = "display: inline-block; max-width: 100%; box-sizing: border-box; overflow: hidden; overflow-wrap: normal; " +
	"border: 1px dashed #767676; color: #595959; background-color: #ffffff; font-size: 12px; padding: 1px 4px"

// note writes what an image was that is not shown: its text, and the host that would learn of the
// reader.
func (s *sanitizer) note(source string, attrs attributes) {
	label, _ := title(attrs["alt"])
	host := ""
	if parsed, ok := parseURL(source); ok && parsed.Host != "" {
		host = parsed.Hostname()
	}
	switch {
	case host != "":
		if s.remote == nil {
			s.remote = map[string]bool{}
		}
		s.remote[host] = true
		label = strings.TrimSpace(label + " [image at " + host + "]")
	case label == "" && source == "": // nothing is missing
		return
	default:
		label = strings.TrimSpace(label + " [image not shown]")
	}
	text := html.EscapeString(printable(label))
	if len(s.open) == maxDepth {
		s.write(text)
		return
	}
	s.write(`<span style="`+noteStyle+`">`, text, "</span>")
}
