package hostile

import (
	"strings"
	"unicode/utf16"
)

const (
	script  = `<script>RAN</script><img src=x: onerror=RAN><img src=//HOST/a>`
	drawing = `<svg xmlns="http://www.w3.org/2000/svg" onload="RAN" width="9" height="9"><script>RAN</script><image href="//HOST/a"/></svg>`
)

// part is a part of a message: its fields, and its body, which is encoded if base64 is true.
type part struct {
	fields string
	body   string
	base64 bool
}

func html(body string) part { return part{"Content-Type: text/html; charset=utf-8", body, false} }

// file is an attachment.
func file(contentType, name, body string) part {
	return part{"Content-Type: " + contentType + "\r\nContent-Disposition: attachment; filename=\"" + name + "\"",
		body, true}
}

// multipart makes a message of parts.
func multipart(name, kind string, parts ...part) Mail {
	var b strings.Builder
	b.WriteString(head(name) + "Content-Type: multipart/" + kind + "; boundary=\"b\"\r\n\r\n")
	for _, p := range parts {
		b.WriteString("--b\r\n" + tokens(name, p.fields) + "\r\n")
		body := tokens(name, p.body)
		if p.base64 {
			b.WriteString("Content-Transfer-Encoding: base64\r\n")
			body = encode(body)
		}
		b.WriteString("\r\n" + body + "\r\n")
	}
	return Mail{Name: name, Message: []byte(b.String() + "--b--\r\n"), Inert: true, Structure: true}
}

// single makes a message of one part, with further fields.
func single(name, fields, body string) Mail {
	return Mail{
		Name: name, Message: []byte(head(name) + tokens(name, fields) + "\r\n\r\n" + body), Inert: true,
		Structure: true,
	}
}

// structures returns the messages whose structure is the trick.
func structures() []Mail {
	shown := html("<p>" + Marker + "</p>")
	picture := func(id, kind, body string) part {
		return part{"Content-Type: " + kind + "\r\nContent-ID: <" + id + ">\r\nContent-Disposition: inline; filename=x", body, true}
	}
	return append(charsets(),
		multipart("attached-html", "mixed", shown, file("text/html", "page.html", script)),
		multipart("attached-html-as-text", "mixed", shown, file("text/html", "page.txt", script), file("text/plain", "page.html", script)),
		multipart("attached-svg", "mixed", shown, file("image/svg+xml", "drawing.svg", drawing), file("image/png", "drawing.png", drawing)),
		multipart("attached-xhtml", "mixed", shown, file("application/xhtml+xml", "x.xhtml", `<html xmlns="http://www.w3.org/1999/xhtml"><script>RAN</script></html>`)),
		multipart("attached-xml", "mixed", shown, file("text/xml", "x.xml", `<x:script xmlns:x="http://www.w3.org/1999/xhtml">RAN</x:script>`)),
		multipart("attached-script", "mixed", shown, file("text/javascript", "x.js", "RAN"), file("application/pdf", "x.pdf", "%PDF-1.4 "+script)),
		multipart("attached-mhtml", "mixed", shown, file("multipart/related", "x.mht", script), file("application/x-mimearchive", "y.mhtml", script)),
		multipart("attached-no-type", "mixed", shown, part{"Content-Disposition: attachment", script, true}, file("x", "y", script), file("text/html;charset=utf-7", "z", "+ADw-script+AD4-RAN+ADw-/script+AD4-")),
		multipart("attached-inline", "mixed", shown, part{"Content-Type: text/html\r\nContent-Disposition: inline; filename=x.html", script, true}),
		multipart("attached-type-injection", "mixed", shown, file("text/html\r\n\tX-Evil: 1", "x", script), part{"Content-Type: \"text/html\r\n \r\n<script>RAN</script>\"", script, true}),
		multipart("file-names", "mixed", shown,
			file("text/plain", `../../../../etc/passwd`, "x"), file("text/plain", `..\\..\\windows\\x.ini`, "x"),
			file("text/plain", `<img src=x: onerror=RAN>.txt`, "x"), file("text/plain", `\" onmouseover=RAN x=\".txt`, "x"),
			file("text/plain", "a%0d%0aSet-Cookie: x=1.txt", "x"), file("text/plain", "", "x"), file("text/plain", ".htaccess", "x"),
			file("text/plain", "invoice\u202Efdp.exe", "x"), file("text/plain", strings.Repeat("long", 500)+".exe", "x"), file("text/plain", "CON", "x"),
			part{"Content-Type: text/plain\r\nContent-Disposition: attachment; filename*=utf-8''%0d%0aX-Evil:%201%22%3cscript%3e%00/..", "x", true}),
		multipart("related-drawing", "related", html(`<img src=cid:a><object data=cid:a></object><iframe src=cid:b></iframe><link rel=stylesheet href=cid:c><p>`+Marker+`</p>`),
			picture("a", "image/svg+xml", drawing), picture("b", "text/html", script), picture("c", "text/css", "@import '//HOST/a'")),
		multipart("related-false-type", "related", html(`<img src=cid:a><img src="cid:a%22onerror=RAN"><img src="cid:../../x"><p>`+Marker+`</p>`),
			picture("a", "image/png", script), picture(`a"onerror=RAN`, "image/gif", "GIF89a"+script), picture("../../x", "image/jpeg", script)),
		multipart("related-type-injection", "related", html(`<img src=cid:a><p>`+Marker+`</p>`), picture("a", `image/png" onerror="RAN`, "\x89PNG\r\n\x1a\n"+script)),
		multipart("related-start", `related; start="<b>"; type="text/html"`, part{"Content-Type: text/html\r\nContent-ID: <a>", script, false}, part{"Content-Type: text/html\r\nContent-ID: <b>\r\nContent-Location: http://HOST/", `<img src=a>` + Marker, false}),
		multipart("related-loop", "related", part{"Content-Type: text/html\r\nContent-ID: <a>", `<img src=cid:a><iframe src=cid:b></iframe>` + Marker, false}, part{"Content-Type: message/rfc822\r\nContent-ID: <b>", "Content-Type: text/html\r\nContent-ID: <b>\r\n\r\n<img src=cid:b>" + script, false}),
		multipart("related-location", "related", part{"Content-Type: text/html\r\nContent-Base: http://HOST/\r\nContent-Location: http://HOST/x", `<img src=relative><p>` + Marker + `</p>`, false}),
		multipart("external-body", "mixed", shown, part{"Content-Type: message/external-body; access-type=URL; URL=\"http://HOST/x\"", "Content-Type: text/html\r\n\r\n", false}),
		multipart("forwarded", "mixed", shown, part{"Content-Type: message/rfc822", "Subject: <script>RAN</script>\r\nFrom: \"<img src=x: onerror=RAN>\" <a@b>\r\nContent-Type: text/html\r\n\r\n" + script, false}),
		multipart("alternatives", "alternative", part{"Content-Type: text/plain", "plain " + Marker, false}, html(script), part{"Content-Type: text/calendar", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:<script>RAN</script>\r\nURL:javascript:RAN\r\nATTACH:http://HOST/\r\nEND:VEVENT\r\nEND:VCALENDAR", false}, part{"Content-Type: text/enriched", "<bold>x</bold><script>RAN</script>", false}),
		multipart("boundary", `mixed; boundary="x"`, html(script), html(Marker)),
		single("fields", "Subject: =?utf-8?B?"+oneLine(encode("<script>ran('fields')</script><img src=x: onerror=ran('fields')>"))+"?=\r\nFrom: \"</title><script>RAN</script>\" <x\"onclick=RAN@HOST>\r\nReply-To: <javascript:RAN>\r\nX-\"><script>RAN</script>: 1\r\nList-Unsubscribe: <javascript:RAN>, <http://HOST/u>\r\nDisposition-Notification-To: mallory@HOST\r\nReturn-Receipt-To: mallory@HOST\r\nX-Face: x\r\nFace: x\r\nContent-Type: text/plain", Marker),
		single("names-turned", "From: \"anna@mail.example\u202E\u2066 \u200B\" <mallory@HOST>\r\nSubject: \u202Egnp.exe\x1b[31m\x07\x00\r\nContent-Type: text/plain", "\u202E"+Marker),
		single("text-as-html", "Content-Type: text/plain; charset=utf-8", tokens("text-as-html", script)+Marker),
		single("text-links", "Content-Type: text/plain", `http://text-links.canary.example/"onmouseover="ran('text-links') javascript:ran('text-links') <http://text-links.canary.example/'><script>ran('text-links')</script>> `+Marker),
		single("format-flowed", "Content-Type: text/plain; format=flowed; delsp=yes", "<scr \r\nipt>ran('format-flowed')</scr \r\nipt> "+Marker),
		single("no-header", "", tokens("no-header", script)+Marker),
	)
}

// charsets returns messages whose character set hides a script from those who look for ASCII.
func charsets() []Mail {
	utf16le := "\xff\xfe"
	for _, unit := range utf16.Encode([]rune(tokens("utf-16", script) + Marker)) {
		utf16le += string([]byte{byte(unit), byte(unit >> 8)})
	}
	of := func(name, contentType, body string) Mail {
		return Mail{Name: name, Message: message(name, contentType, body), Inert: true, Structure: true}
	}
	return []Mail{
		of("utf-7", "text/html; charset=utf-7", "+ADw-script+AD4-ran('utf-7')+ADw-/script+AD4- "+Marker),
		of("utf-7-meta", "text/html", "<meta charset=utf-7>+ADw-script+AD4-ran('utf-7-meta')+ADw-/script+AD4- "+Marker),
		of("utf-7-not-said", "text/html", "+/v8 +ADw-script+AD4-ran('utf-7-not-said')+ADw-/script+AD4- "+Marker),
		of("utf-16", "text/html; charset=utf-16", utf16le),
		of("utf-16-not-said", "text/html; charset=us-ascii", utf16le),
		of("iso-2022-jp", "text/html; charset=iso-2022-jp", "<a title=\"\x1b$B\">x<img src=x: \x1b(Bonerror=ran('iso-2022-jp')> \x1b(J<img alt=\"\\\" src=x: onerror=ran('iso-2022-jp')> "+Marker),
		of("iso-2022-jp-meta", "text/html", "<meta charset=iso-2022-jp><img alt=\"\x1b$@\"><p>\x1b(B<img src=x: onerror=ran('iso-2022-jp-meta')>\">"+Marker),
		of("half-character", "text/html; charset=utf-8", "<b title=\"\xe2\x82\">x</b><img alt=\"\xc3\" src=x: onerror=ran('half-character')\xf0\x9f> "+Marker),
		of("overlong", "text/html; charset=utf-8", "\xc0\xbcscript\xc0\xbeRAN\xc0\xbc/script\xc0\xbe \xe0\x80\xbcimg> "+Marker),
		of("gbk-quote", "text/html; charset=gbk", "<img alt=\"\x81\" src=x: onerror=ran('gbk-quote')> "+Marker),
		of("charset-hz", "text/html; charset=hz-gb-2312", "<b title=\"~{\">x~}\"><img alt=\"~{<:Ky2;~}\" src=x: onerror=ran('charset-hz')> "+Marker),
		of("charset-injection", "text/html; charset=\"utf-8\r\n X-Evil: 1\"", tokens("charset-injection", script)+Marker),
	}
}

func oneLine(text string) string { return strings.ReplaceAll(text, "\r\n", "") }
